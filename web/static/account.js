// Who has logged in: what they may do, until when, and a button that ends it.

import { element, write } from "./dom.js";
import { clock } from "./format.js";

const ABOUT = { read: "numbers, but no log lines", lines: "numbers and log lines", edit: "numbers and log lines, and changes what others see" };
const AGAIN = 3000; // ms between two questions whether the login is over

export class Account {
  /** A button with the dialog that it opens, and what is shown when the login is over. */
  constructor(button, dialog, over) {
    Object.assign(this, { button, dialog, over, asked: -Infinity });
    this.text = dialog.querySelector("p");
    this.told = dialog.querySelector("[role=status]");
    button.addEventListener("click", () => this.#open());
    dialog.querySelector("button[type=button]").addEventListener("click", () => this.#end());
  }

  /** Says whether the reader has logged in by the form. */
  offer(session) {
    this.session = session;
    this.button.hidden = !session;
    this.over.hidden = true;
  }

  /** The connection is lost: perhaps because the login is over. */
  async lost() {
    if (!this.session || performance.now() - this.asked < AGAIN) return;
    this.asked = performance.now();
    try {
      const { status } = await fetch("/api/who");
      if (status === 401) this.#ended();
    } catch { /* it is the connection */ }
  }

  #ended() {
    const link = element("a", "", "Log in");
    link.href = `/login?${new URLSearchParams({ to: location.pathname + location.search + location.hash })}`;
    this.over.replaceChildren("You are logged out, and these numbers stand still. ", link);
    this.over.hidden = false;
  }

  async #open() {
    write(this.told, "");
    write(this.text, "…");
    this.dialog.showModal();
    try {
      const answer = await fetch("/api/who");
      if (!answer.ok) throw new Error((await answer.text()).trim());
      const { name, role, until } = await answer.json();
      this.text.replaceChildren(element("b", "", element("bdi", "", name)), ` has the role ${role}: sees ${ABOUT[role]}.`, element("br"), `The login ends at ${clock(Date.parse(until) / 1000, Date.now() / 1000)}.`);
    } catch (error) {
      write(this.text, error.message);
    }
  }

  async #end() {
    try {
      const answer = await fetch("/logout", { method: "POST" });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      location.href = "/login";
    } catch (error) {
      write(this.told, error.message);
    }
  }
}
