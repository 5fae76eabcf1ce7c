// Share links: who opens one sees the numbers without a login, until it ends.

import { write } from "./dom.js";
import { clock } from "./format.js";

/** make asks the server for a link that ends after a while, such as "8h", and gives
 * {url, until}, or {error}. */
export async function make(lasts, ask = fetch) {
  try {
    const answer = await ask(`/api/share?for=${lasts}`, { method: "POST" });
    return answer.ok ? await answer.json() : { error: (await answer.text()).trim() };
  } catch {
    return { error: "the server does not answer" };
  }
}

/** Sharing is a button, and the dialog that it opens. */
export class Sharing {
  constructor(button, dialog) {
    this.button = button;
    this.dialog = dialog;
    this.link = dialog.querySelector("input");
    this.note = dialog.querySelector("[role=status]");
    button.addEventListener("click", () => {
      this.#show("", "");
      dialog.showModal();
    });
    dialog.querySelector("button[type=button]").addEventListener("click", () => this.#make(dialog.querySelector("select").value));
  }

  /** Says whether the server makes links. */
  offer(offered) { this.button.hidden = !offered; }

  async #make(lasts) {
    const { url = "", until, error } = await make(lasts);
    if (error) return this.#show("", error);
    const now = Date.now() / 1000;
    this.#show(url, `It ends at ${clock(new Date(until) / 1000, now)}.`);
    this.link.select();
    // Where the browser does not allow it, the link is selected.
    navigator.clipboard?.writeText(url).then(() => write(this.note, `${this.note.textContent} Copied.`), () => {});
  }

  #show(url, note) {
    this.link.value = url;
    this.link.hidden = !url;
    write(this.note, note);
  }
}
