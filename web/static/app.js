// The page: what comes from the server goes into the model, and what changed is
// drawn; what the reader does changes what is looked at.

import { Account } from "./account.js";
import { Alerts } from "./alerts.js";
import { Arrange } from "./arrange.js";
import { behind } from "./behind.js";
import { element, write } from "./dom.js";
import { early } from "./early.js";
import { dated } from "./format.js";
import { Grid } from "./grid.js";
import { IncidentPlayer, Incidents } from "./incident.js";
import { MarkTip } from "./marks.js";
import { setRole } from "./may.js";
import { Model } from "./model.js";
import { Narrow } from "./narrow.js";
import { Pages } from "./pages.js";
import { hashOf, incidentHere, placeOf } from "./place.js";
import { RecordingBar } from "./recording.js";
import { Sharing } from "./share.js";
import { connect } from "./socket.js";
import { Status, standing } from "./status.js";
import { Then } from "./then.js";
import { Usual } from "./usual.js";
import { Zone } from "./zone.js";
import { Welcome } from "./welcome.js";

const $ = (id) => document.getElementById(id);
const options = new URLSearchParams(location.search);

const incident = incidentHere(); // that this is the page of
const model = new Model(); // of now; of an incident's page it has the configuration alone
let frozen = null; // a copy of the model, while the page is paused, or one of then
let part = false; // whether this is a share link's page of a part of the numbers
let build = null; // the page's files, as the server had them when this page was loaded
let role = null; // of the reader

const status = new Status($("status"), $("status-text"), $("status-rate"), $("announce"));
const narrow = new Narrow($("only"), { onChange: (chips) => pages.narrow(chips), onNews: () => touch() });
const view = () => {
  const shown = frozen ?? model;
  return { model: narrow.over(shown), moment: shown.moment() };
};
const large = () => {
  const shown = frozen ?? model;
  return { model: narrow.large(shown, detail.name), moment: shown.moment() };
};
const welcome = new Welcome($("welcome"));
const recording = new RecordingBar($("recording"), () => model.series.get(detail.name || grid.panels[0]?.name)?.stat);
new Incidents($("incidents"), $("incident-dialog"), () => model.newest);
const account = new Account($("account"), $("account-dialog"), $("logged-out"));
const sharing = new Sharing($("share"), $("sharing"), () => pages.shareable());
const grid = new Grid($("page"), view, (name, key) => pages.look(name, key), (name, from, to) => pages.look(name, "", { different: `${from}-${to}` }));

// What is behind links and buttons, when its script is there: see prepare.
let there = false, failed = false, waiting = false;
let detail = { name: "", cursor: null, hide() {}, touch() {}, keepUp() {} };
let fields = { hide() {} };
let draft = null;
let drafts = false; // whether the server tries them

new MarkTip(grid, view);
$("then-button").hidden = incident !== "";
const show = (past) => {
  const first = past && !frozen;
  frozen = past;
  pages.model = past ?? model;
  document.body.classList.toggle("then", past !== null);
  if (first) pages.known();
  touch();
  standStill();
};
const then = incident ? new IncidentPlayer(incident, $("player"), show) : new Then($("then"), $("then-button"), model, show);
/** The time that ages of what is known of a stat are counted to: of a recording, the time to
 * which the stat has come. */
const logsNow = (name) => {
  const { now, past } = model.moment();
  return past ? (model.series.get(name)?.newest || model.newest) + 1 : now;
};
model.alerts = new Alerts({
  band: $("alert-band"), dialog: $("alerts"), announce: $("announce"), now: () => model.moment().now, logsNow, changed: () => touch(),
  fires: (stat) => { if (options.has("kiosk")) pages.showing(stat); },
});
if (!incident) model.usual = new Usual(() => touch());
const touch = () => {
  grid.touch();
  detail.touch();
};
const pages = new Pages($("tabs"), (page) => {
  fields.hide();
  narrow.set(page.chips);
  waiting = !there && Boolean(page.stat || page.fields);
  if (waiting) {
    prepare();
    grid.hide();
    $("page").replaceChildren(element("p", "hush", failed ? "This view's script does not come: it is asked for again and again." : "Loading…"));
  } else if (page.stat) {
    grid.hide();
    detail.show(page.stat, page.range, page.before, page.key, page.query);
  } else if (page.fields) {
    grid.hide();
    detail.hide();
    fields.show();
  } else {
    detail.hide();
    grid.show(page.rows, page.empty, page.titles);
  }
  if (document.activeElement !== $("find")) $("find").value = pages.query;
  standStill();
});

/** Shows what depends on the time alone: the status, the tabs, the graying. */
function standStill() {
  const shown = frozen ?? model;
  const moment = shown.moment();
  status.show(standing(shown, moment, { paused: frozen !== null, then: then.wall ? then.standing() : "", cursor: grid.cursor ?? detail.cursor }));
  if (model.newest) write($("printed"), `as of ${dated(Math.floor(moment.now))}`);
  document.body.classList.toggle("stale", moment.stale > 0);
  document.body.classList.toggle("loading", shown.loading);
  if (!model.configured) return;
  pages.of = then.title ?? ""; // before the page's title
  pages.count(moment);
  model.alerts.show();
  welcome.show(shown, moment);
  recording.show(model, moment);
  if (!model.loading && model.newest && !document.hidden && !part) model.usual?.ask(model.newest);
}

let preparing = false;
/** Makes what is behind links and buttons, as soon as its script is there. */
async function prepare() {
  if (preparing) return;
  preparing = true;
  const { Detail, Draft, Fields } = await behind(() => {
    failed = true;
    if (waiting) pages.open();
  });
  draft = new Draft($("draft-button"), $("draft"), () => model);
  detail = new Detail($("page"), large, grid.colors, {
    onCursor: () => standStill(), onLeave: () => pages.leave(), onLook: (hash) => { location.hash = hash; }, onNarrow: (chips) => pages.narrow([...narrow.chips, ...chips], true),
    onStart: () => draft.offered ? (said) => draft.start(said) : null,
  });
  fields = new Fields($("page"), () => model.now(), () => then.asked === null ? null : then.asked - 1, (more) => draft.begin(more));
  there = true;
  draft.offer(drafts);
  if (waiting) pages.open();
}

/** Takes a configuration, with the newest seconds if they are known, and reports whether its
 * definitions are others than before. */
function configure(message, newest) {
  // A page that hangs on a wall for months takes the scripts of a new server.
  // So does one whose reader may do more, or less, by now.
  build ??= message.build;
  role ??= message.may;
  if (build !== message.build || role !== message.may) {
    location.reload();
    return false;
  }
  setRole(role);
  account.offer(message.session ?? false);
  sharing.offer(message.share && !message.scoped, message.embeds);
  $("incidents").hidden = message.scoped ?? false;
  $("then-button").hidden = incident !== "" || (message.scoped ?? false);
  drafts = message.edit && !message.scoped && !incident;
  draft?.offer(drafts);
  part = message.scoped ?? false;
  const changed = model.configure(message);
  if (newest) model.past(newest);
  if (changed) {
    frozen = null;
    pages.configure(model);
    if (!then.wall) pause(false);
  }
  if (!frozen) touch();
  return changed;
}

let first = null; // numbers that came before the socket had said any
if (!incident) early().then((messages) => {
  if (!messages || model.configured) return;
  [, first] = messages;
  model.early = true;
  configure(messages[0], first); // a page that is ordered by values is so at once
  standStill();
});

(incident ? then.connect.bind(then) : connect)((message) => {
  model.connected = true;
  if (!(message.scoped ?? part)) model.alerts.version(message.alerts);
  if (message.type === "config") {
    const changed = configure(message);
    model.early = false;
    if (first && !changed) model.past(first); // what is shown stays until more comes
    first = null;
    if (!part) then.configure(message);
    if (incident) prepare();
  } else if (message.type === "history") {
    const changed = model.past(message);
    if (!frozen) redraw(changed);
    if (message.last) {
      touch();
      pages.known();
      prepare();
    }
  } else {
    const { newest } = model, { apart } = model.moment();
    const changed = model.apply(message);
    if (frozen) return;
    if (apart !== model.moment().apart) touch();
    if (model.newest > newest) noteDrawn(model.newest);
    redraw(changed); // the others at the next beat, if they have not changed by then
  }
  standStill();
}, (state) => {
  model.connected = state === "open";
  if (!model.connected) account.lost();
  standStill();
});

/** Draws what shows some series. */
function redraw(changed) {
  grid.changed(changed);
  if ([...changed].some((series) => series.stat.name === detail.name)) detail.touch();
}

/** Notes when a second that has come is on the screen: in the frame after the one
 * that the last panel was drawn in. */
function noteDrawn(second) {
  const { past } = model.moment();
  if (document.hidden || past) return;
  const look = () => {
    if (grid.busy) requestAnimationFrame(look);
    else requestAnimationFrame(() => { if (model.newest === second) model.drawn(second); });
  };
  requestAnimationFrame(look);
}

// Time goes on where no message comes: what is not known must be seen.
setInterval(() => {
  const moment = (frozen ?? model).moment();
  grid.keepUp(moment);
  detail.keepUp(moment);
  zone.show();
  standStill();
}, 500);

$("page").addEventListener("cursor", standStill);
addEventListener("theme", () => detail.touch());

/** Stops or resumes the drawing; what comes meanwhile is kept. */
function pause(on) {
  if (then.wall) {
    then.toggle();
    return;
  }
  frozen = on ? frozen ?? model.freeze() : null;
  document.body.classList.toggle("paused", on);
  $("pause").setAttribute("aria-pressed", String(on));
  $("pause").setAttribute("aria-label", on ? "Resume" : "Pause");
  touch();
  standStill();
}

const arrange = new Arrange($("arrange"), grid, pages);
const zone = new Zone($("zone"), () => {
  touch();
  standStill();
});
const fullScreen = () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen().catch(() => {});
$("full").addEventListener("click", fullScreen);

/** Copies a link to the wall as it is at the second that the reader points at. */
function copySecond() {
  const second = grid.cursor ?? detail.cursor;
  if (second === null) return;
  const { path, query } = placeOf(location.hash);
  query.set("at", String(second + 1));
  const url = new URL(hashOf(path, query, ""), location.href).href;
  navigator.clipboard?.writeText(url).then(() => { $("announce").textContent = `Copied ${url}`; }, () => { location.hash = hashOf(path, query, ""); });
}

const switchTheme = () => dispatchEvent(new Event("theme-switch"));
$("pause").addEventListener("click", () => pause(frozen === null));
$("theme").addEventListener("click", switchTheme);
$("keys").addEventListener("click", () => $("help").showModal());
$("find").addEventListener("input", () => pages.find($("find").value.trim()));
$("find").addEventListener("keydown", (e) => {
  if (e.key === "Escape") {
    $("find").value = "";
    pages.find("");
    $("page").focus();
  } else if (e.key === "Enter" || e.key === "ArrowDown") {
    e.preventDefault();
    grid.panels[0]?.element.focus();
  }
});

addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.altKey || e.ctrlKey || e.metaKey || e.target.closest("input, select, dialog")) return;
  const actions = {
    ArrowLeft: () => { if (!part) then.step(-10); },
    ArrowRight: () => { if (then.wall) then.step(10); },
    n: () => then.leave(),
    o: () => arrange.toggle(),
    z: () => zone.change(),
    f: fullScreen,
    c: copySecond,
    w: () => (detail.name ? detail : grid).why(),
    "/": () => $("find").focus(),
    "?": () => $("help").showModal(),
    t: switchTheme,
    a: () => model.alerts.open(),
    "[": () => pages.go(pages.current - 1, true),
    "]": () => pages.go(pages.current + 1, true),
    Escape: () => {
      pages.leave();
      if (pages.query) pages.find("");
    },
  };
  let action = actions[e.key];
  if (e.key === " " && !e.target.closest("button, a")) action = () => pause(frozen === null);
  if (/^[1-9]$/.test(e.key)) action = () => pages.go(Number(e.key) - 1);
  if (!action) return;
  e.preventDefault();
  action();
});

// In a frame of another page: the panels, and how things stand when they do not stand well.
document.body.classList.toggle("embed", options.get("embed") === "true");

// The wall: no controls, and pages that take turns.
if (options.has("kiosk")) {
  document.body.classList.add("kiosk");
  const every = /^(\d{1,5})s?$/.exec(options.get("every") ?? "");
  if (every && Number(every[1]) > 0) {
    setInterval(() => {
      if (!frozen) pages.turn();
    }, Number(every[1]) * 1000);
  }
}
