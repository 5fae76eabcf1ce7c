// What to do where no lines come: zeros of which nothing can be told look like good news.

import { element, write } from "./dom.js";
import { span } from "./format.js";

const COMMANDS = [
  ["Follow files, all in one process", "pulse run --file '/var/log/nginx/*.log' --follow"],
  ["Send lines to a Pulse that runs", "tail -F app.log | pulse ingest --kafka localhost:9092"],
  ["See what a log's lines have, and what to count", "pulse fields app.log"],
];

export class Welcome {
  constructor(root) {
    this.told = element("h2");
    this.counted = element("p");
    const rows = COMMANDS.map(([what, command]) => {
      const copy = element("button", "", "Copy");
      copy.type = "button";
      copy.setAttribute("aria-label", `Copy: ${command}`);
      copy.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(command);
          write(copy, "Copied");
        } catch {
          getSelection().selectAllChildren(copy.previousElementSibling); // to be copied by hand
        }
      });
      return element("li", "", element("span", "", what), element("code", "", command), copy);
    });
    root.append(this.told, this.counted, element("ul", "", ...rows));
    this.root = root;
  }

  /** Shows itself while no lines come. */
  show(model, moment) {
    const quiet = model.quiet(moment);
    this.root.hidden = quiet === null;
    if (quiet === null) return;
    const own = model.stats.filter((s) => !s.name.startsWith("pulse."));
    write(this.told, quiet ? `No line has come in ${span(quiet)}` : "No line has come yet");
    write(this.counted, `${own.length} ${own.length === 1 ? "stat waits" : "stats wait"} for lines: ${own.slice(0, 3).map((s) => s.title).join(", ")}${own.length > 3 ? ", …" : ""}`);
  }
}
