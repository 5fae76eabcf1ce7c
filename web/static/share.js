// Share links: who opens one sees the numbers without a login, until it ends.

import { element, write } from "./dom.js";
import { clock } from "./format.js";

/** make asks the server for a link that ends after a while, such as "8h", and gives
 * {url, until}, or {error}. It is of all, or of a stat or page. */
export async function make(lasts, ask = fetch, of = {}) {
  try {
    const answer = await ask(`/api/share?${new URLSearchParams({ for: lasts, ...of })}`, { method: "POST" });
    return answer.ok ? await answer.json() : { error: (await answer.text()).trim() };
  } catch {
    return { error: "the server does not answer" };
  }
}

/** Sharing is a button, and the dialog that it opens. */
export class Sharing {
  /** here gives what the reader looks at: {stat, page, title}. */
  constructor(button, dialog, here) {
    this.button = button;
    this.dialog = dialog;
    this.link = dialog.querySelector("[name=link]");
    this.what = dialog.querySelector("[name=what]");
    this.embed = dialog.querySelector("[name=embed]");
    this.note = dialog.querySelector("[role=status]");
    button.addEventListener("click", () => {
      this.#show("", "");
      const { stat, page, title } = this.of = here();
      const choices = [["", "all numbers"], ...stat ? [["stat", `${title} alone`]] : [], ...page ? [["page", `the page ${title} alone`]] : []];
      this.what.replaceChildren(...choices.map(([value, text]) => Object.assign(element("option", "", text), { value })));
      dialog.showModal();
    });
    dialog.querySelector("button[type=button]").addEventListener("click", () => this.#make(dialog.querySelector("[name=lasts]").value));
  }

  /** Says whether the server makes links. */
  offer(offered, embeds) {
    this.button.hidden = !offered;
    this.embed.parentElement.hidden = !embeds;
  }

  async #make(lasts) {
    const embed = this.embed.checked && !this.embed.parentElement.hidden, of = this.what.value;
    const { url = "", until, error } = await make(lasts, fetch, { ...of && { [of]: this.of[of] }, ...embed && { embed } });
    if (error) return this.#show("", error);
    const now = Date.now() / 1000;
    this.#show(embed ? `<iframe src="${url.replaceAll("&", "&amp;")}" width="600" height="240"></iframe>` : url, `It ends at ${clock(new Date(until) / 1000, now)}.`);
    this.link.select();
    // Where the browser does not allow it, the link is selected.
    navigator.clipboard?.writeText(this.link.value).then(() => write(this.note, `${this.note.textContent} Copied.`), () => {});
  }

  #show(url, note) {
    this.link.value = url;
    this.link.hidden = !url;
    write(this.note, note);
  }
}
