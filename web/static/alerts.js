// Alerts: a band that names what fires and since when, the list of what was, silences, and
// what cannot be delivered; and on the charts when something fired.

import { element, write } from "./dom.js";
import { clock, fine, offset, span, visible } from "./format.js";
import { may } from "./may.js";

const NAMED = 3; // incidents that the band names
const LOST = 3; // tries without an answer, after which the band says so
const SOUND = "pulse-alert-sound", WHO = "pulse-who";
const STATES = { firing: "fires", unknown: "not known" };

/** What an incident is of. */
export const subject = ({ alert, key }) => (key === undefined ? alert : `${alert} ${visible(key)}`);

const second = (time) => Date.parse(time) / 1000;

/** A time as an input has it, in the zone of the page's times. */
const instant = (text) => {
  const wall = Date.parse(`${text}Z`) / 1000;
  return new Date((wall - offset(wall)) * 1000).toISOString();
};

/** A value in six digits, with all of it at hand. */
const figure = (value) => {
  const number = Number(value), b = element("b", "", Number.isFinite(number) ? fine(number) : value);
  b.title = value;
  return b;
};

/** What goes on and is not silenced, the newest first, and what is silenced. */
export function standing(incidents) {
  const open = incidents.filter((i) => i.until === undefined);
  return { loud: open.filter((i) => !i.silence), quiet: open.filter((i) => i.silence) };
}

/** The band's text: the first of what fires and for how long by the time that now gives of it,
 * and how many more. */
export function summary(loud, now) {
  const named = loud.slice(0, NAMED).map((i) => `${subject(i)}${i.kind === "unknown" ? " not known" : ""} for ${span(Math.max(0, now(i) - second(i.since)))}`);
  if (loud.length > NAMED) named.push(`and ${loud.length - NAMED} more`);
  return named.join(", ");
}

/** The routes by which something cannot be delivered, in words. */
export function undelivered(receivers) {
  const routes = new Map();
  for (const r of receivers) {
    const route = routes.get(r.route) ?? { ...r, waiting: 0 };
    route.waiting += r.waiting;
    route.error = route.error || r.error;
    routes.set(r.route, route);
  }
  return [...routes.values()].filter((r) => r.error).map((r) =>
    `${r.route} (${r.kind}) ${r.waiting ? `has ${r.waiting} waiting` : "refused alerts"}: ${visible(r.error)}`);
}

/** Draws when alerts of a stat fired: a bar at the top of its chart, with an edge where each begins. */
export function drawAlerts(chart, incidents, colors) {
  const { g } = chart;
  for (const { kind, since, until, withdrawn } of incidents) {
    const from = second(since), to = until === undefined ? chart.edge : second(until);
    if (withdrawn || from > chart.edge || to < chart.from) continue;
    const left = Math.round(chart.x(Math.max(from, chart.from))), right = Math.max(left + 2, Math.round(chart.x(Math.min(to, chart.edge))));
    g.globalAlpha = 0.9;
    g.fillStyle = kind === "unknown" ? colors.warn : colors.crit;
    g.fillRect(left, 0, right - left, 3);
    if (from >= chart.from) g.fillRect(left, 0, 2, 9);
    g.globalAlpha = 1;
  }
}

/** Alerts is what is known of alerts, and shows it. */
export class Alerts {
  constructor({ band, dialog, announce, now, logsNow, changed, fires }, ask = (...a) => fetch(...a)) {
    Object.assign(this, { band, dialog, announce, now, logsNow, changed, fires, ask });
    this.told = { alerts: [], incidents: [], silences: [], receivers: [] };
    this.known = null; // what fired at the last answer
    this.failed = 0; // tries since the last answer
    band.addEventListener("click", () => this.open());
    dialog.querySelector("[name=sound]").checked = this.#kept(SOUND) === "on";
    dialog.querySelector("[name=sound]").addEventListener("change", (e) => {
      this.#keep(SOUND, e.target.checked ? "on" : "");
      if (e.target.checked) this.#sound();
    });
    // Browsers let no page sound before somebody has touched it.
    for (const gesture of ["click", "keydown"]) addEventListener(gesture, () => this.mute && this.#unmute().then(() => this.show()));
  }

  /** Notes the version that a message has; asks where it is another one. */
  version(version) {
    if (version === undefined || version === this.asked) return;
    this.asked = version;
    this.#load();
  }

  async #load() {
    if (this.loading) {
      this.again = true;
      return;
    }
    this.loading = true;
    try {
      const answer = await this.ask("/api/alerts");
      if (!answer.ok) throw new Error(answer.status);
      const told = await answer.json();
      this.failed = 0;
      this.#take(told);
    } catch {
      this.asked = undefined; // the next message asks again
      this.failed++;
    }
    this.loading = false;
    if (this.again) {
      this.again = false;
      this.#load();
    }
  }

  #take(told) {
    this.told = told;
    const { loud } = standing(told.incidents);
    const firing = new Set(loud.map((i) => `${i.alert} ${i.key ?? ""} ${i.kind} ${i.since}`));
    const fresh = loud.filter((i) => this.known && !this.known.has(`${i.alert} ${i.key ?? ""} ${i.kind} ${i.since}`));
    this.known = firing;
    if (fresh.length) {
      write(this.announce, `${subject(fresh[0])} ${STATES[fresh[0].kind]}`);
      if (this.#kept(SOUND) === "on") this.#sound();
    }
    if (loud.length && (fresh.length || !this.shownOnce)) this.fires(this.statOf(loud[0].alert));
    this.shownOnce = true;
    this.show();
    if (this.dialog.open) this.#list();
    this.changed();
  }

  statOf(name) { return this.told.alerts.find((a) => a.name === name)?.stat; }

  /** The stats of what fires now. */
  firing() { return new Set(standing(this.told.incidents).loud.map((i) => this.statOf(i.alert))); }

  /** The incidents of a stat's alerts. */
  of(stat) {
    const names = new Set(this.told.alerts.filter((a) => a.stat === stat).map((a) => a.name));
    return names.size ? this.told.incidents.filter((i) => names.has(i.alert)) : [];
  }

  /** Shows the band. */
  show() {
    const { loud, quiet } = standing(this.told.incidents);
    const failing = undelivered(this.told.receivers);
    const { hidden } = this.band;
    const lost = this.failed >= LOST;
    this.band.hidden = !lost && (!this.told.alerts.length || !(loud.length + quiet.length + failing.length));
    if (this.band.hidden !== hidden) dispatchEvent(new Event("resize")); // the grid has less room, or more
    if (this.band.hidden) return;
    this.band.dataset.state = loud.length ? (loud.some((i) => i.kind === "firing") ? "firing" : "unknown") : lost ? "unknown" : "quiet";
    const texts = [lost ? "alerts cannot be read" : "", loud.length ? `${loud.length} ${loud.length > 1 ? "alerts" : "alert"}: ${summary(loud, (i) => this.#nowOf(i))}` : "",
      quiet.length ? `${quiet.length} silenced` : "", failing.length ? `not delivered by ${failing.length > 1 ? `${failing.length} routes` : failing[0].split(" ")[0]}` : "",
      this.mute ? "no sound before a click or a key" : ""];
    write(this.band.querySelector("span"), texts.filter(Boolean).join(" · "));
  }

  open() {
    this.#list();
    if (!this.dialog.open) this.dialog.showModal();
    if (this.told.alerts.length) this.#load(); // for the values of now
  }

  #list() {
    const { told } = this;
    const failing = undelivered(told.receivers).map((text) => element("p", "undelivered", text));
    const { loud, quiet } = standing(told.incidents);
    const history = told.incidents.filter((i) => i.until !== undefined);
    const calm = told.alerts.filter((a) => a.state === "ok").map((a) => a.name);
    const section = (title, rows) => (rows.length ? [element("h3", "", title), element("ul", "incidents", ...rows)] : []);
    const list = this.dialog.querySelector(".list"), focused = document.activeElement;
    const asking = [...list.querySelectorAll("form.silence")];
    list.replaceChildren(...failing,
      ...section("Now", [...loud, ...quiet].map((i) => this.#row(i, true))),
      ...section("Silences", [...told.silences.map((s) => this.#silenced(s, this.now())), ...(told.alerts.length && may("edit") ? [this.#another()] : [])]),
      ...section("History", history.map((i) => this.#row(i, false))),
      ...(calm.length ? [element("h3", "", "Well"), element("p", "calm", calm.join(", "))] : []));
    // What somebody is writing stays where alerts change meanwhile.
    for (const form of asking) {
      const row = [...list.querySelectorAll("li[data-asks]")].find((r) => r.dataset.asks === form.dataset.of);
      if (!row) continue;
      row.querySelector("button").disabled = true;
      row.append(form);
      if (form.contains(focused)) focused.focus();
    }
  }

  /** The time that the age of an incident is counted to. */
  #nowOf(i) { return this.logsNow(this.statOf(i.alert)); }

  #row(i, open) {
    const now = this.#nowOf(i);
    const rule = this.told.alerts.find((a) => a.name === i.alert);
    const since = second(i.since), until = i.until && second(i.until);
    const state = i.withdrawn ? "withdrawn" : i.silence ? "silenced" : open ? i.kind : "over";
    const name = element("a", "name", element("bdi", "", subject(i)));
    name.href = `#/stat/${encodeURIComponent(rule?.stat ?? "")}`;
    name.addEventListener("click", () => this.dialog.close());
    const began = i.value && i.now !== undefined && i.now !== i.value ? `, with ${figure(i.value).textContent}` : "";
    const lasts = open ? `${STATES[i.kind]} for ${span(Math.max(0, now - since))}, since ${clock(since, now)}${began}` : `${clock(since, now)}, ${i.kind === "unknown" ? "not known" : "fired"} for ${span(until - since)}`;
    const row = element("li", "", element("p", "what", element("i"), name, i.now ?? i.value ? figure(i.now ?? i.value) : ""), element("p", "when",
      i.withdrawn ? `${clock(since, now)}, taken back by lines of ${clock(second(i.withdrawn.time), now)} that came late (revision ${i.withdrawn.revision})` : lasts));
    row.dataset.state = state;
    if (open && rule) row.append(element("p", "help", rule.when));
    if (open && rule?.help) row.append(element("p", "help", rule.help));
    const actions = element("p", "actions");
    if (/^https?:\/\//.test(rule?.runbook ?? "")) {
      const link = element("a", "", "Runbook");
      link.href = rule.runbook;
      link.rel = "noopener noreferrer";
      actions.append(link);
    }
    if (open && !i.silence && may("edit")) {
      const button = element("button", "", "Silence…");
      button.type = "button";
      row.dataset.asks = subject(i);
      button.addEventListener("click", () => this.#ask(row, i, button));
      actions.append(button);
    }
    if (i.silence) actions.append(element("span", "", `by ${visible(i.silence.who)}: ${visible(i.silence.why)}`));
    if (actions.childElementCount) row.append(actions);
    return row;
  }

  #silenced(s, now) {
    const end = element("button", "", "End");
    end.type = "button";
    const row = element("li", "", element("p", "what", element("i"), element("bdi", "name", subject(s))),
      element("p", "when", `${second(s.from) > now ? `from ${clock(second(s.from), now)} ` : ""}until ${clock(second(s.until), now)}, by ${visible(s.who)}: ${visible(s.why)}`), ...(may("edit") ? [element("p", "actions", end)] : []));
    row.dataset.state = "silenced";
    end.addEventListener("click", () => this.#send(row, `/api/silences?id=${encodeURIComponent(s.id)}`, { method: "DELETE" }));
    return row;
  }

  /** A row that silences alerts by name, whether they fire or not. */
  #another() {
    const button = element("button", "", "Silence alerts…");
    button.type = "button";
    const row = element("li", "", element("p", "actions", button));
    row.dataset.asks = "";
    button.addEventListener("click", () => this.#ask(row, {}, button));
    return row;
  }

  /** Asks which alert, where none is given, from when, for how long and why, in a row. */
  #ask(row, { alert, key }, button) {
    button.disabled = true;
    const lasts = element("select", "", ...[["1h", "an hour"], ["4h", "4 hours"], ["24h", "a day"], ["168h", "a week"]].map(([value, text]) => new Option(text, value)));
    const input = (label, value) => {
      const e = element("input");
      [e.placeholder, e.value, e.required, e.maxLength] = [label, value, true, 200];
      e.setAttribute("aria-label", label);
      return e;
    };
    lasts.setAttribute("aria-label", "For how long");
    const from = element("input");
    Object.assign(from, { type: "datetime-local", step: 1, title: "from when on; empty: now" });
    from.setAttribute("aria-label", "From when on; empty: now");
    const which = alert === undefined ? [input("alert, * for any text", "")] : [];
    const who = input("who", this.#kept(WHO)), why = input("why", "");
    const form = element("form", "silence", ...which, lasts, from, who, why, element("button", "", "Silence"));
    form.dataset.of = row.dataset.asks;
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      this.#keep(WHO, who.value);
      const asked = { alert: alert ?? which[0].value, key, for: lasts.value, who: who.value, why: why.value };
      if (from.value) asked.from = instant(from.value);
      this.#send(form, "/api/silences", { method: "POST", body: JSON.stringify(asked) });
    });
    row.append(form);
    (which[0] ?? why).focus();
  }

  /** Sends what a form or a row asks for. What was done leaves; the answer to what was not stays below it. */
  async #send(from, url, request) {
    let said = "the server does not answer";
    try {
      const answer = await this.ask(url, request);
      said = answer.ok ? "" : (await answer.text()).trim();
    } catch { /* said so */ }
    const row = from.closest("li");
    row?.querySelector(".failed")?.remove();
    if (said) row?.append(element("p", "failed", said));
    else {
      if (from.matches("form")) from.remove();
      this.#load();
    }
  }

  /** Starts what plays sounds, where the browser allows it by now: until it does, resume waits. */
  async #unmute() {
    this.audio ??= new AudioContext();
    await Promise.race([this.audio.resume(), new Promise((done) => setTimeout(done, 300))]).catch(() => {});
    this.mute = this.audio.state !== "running";
  }

  /** Two short tones: no file is needed for them. */
  async #sound() {
    await this.#unmute();
    this.show();
    if (this.mute) return;
    const context = this.audio;
    for (const [at, pitch] of [[0, 880], [0.22, 660]]) {
      const tone = context.createOscillator(), volume = context.createGain();
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.2, context.currentTime + at);
      volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + at + 0.2);
      tone.connect(volume).connect(context.destination);
      tone.start(context.currentTime + at);
      tone.stop(context.currentTime + at + 0.2);
    }
  }

  // A browser may allow no storage.
  #kept(name) {
    try { return localStorage.getItem(name) ?? ""; } catch { return ""; }
  }

  #keep(name, value) {
    try { localStorage.setItem(name, value); } catch { /* not kept */ }
  }
}
