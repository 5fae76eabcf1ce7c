// Light or dark, before anything is drawn: what was chosen here before, else
// what the system prefers. Not a module, so that no light page flashes up first.
"use strict";
// At an address with a login, http://user:password@host, Chromium asks for nothing by fetch,
// and links to copy would have the password. It has kept the login, so go on without.
if (new URL(location.href).username || new URL(document.baseURI).username) location.replace(location.origin + location.pathname + location.search + location.hash);
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)"), forced = matchMedia("(forced-colors: active)"), print = matchMedia("print");
  let choice = null;
  try { choice = localStorage.getItem("theme"); } catch { /* no storage: the choice lasts as long as the page */ }

  const apply = () => {
    const own = system.matches ? "dark" : "light";
    document.documentElement.dataset.theme = print.matches ? "light" : forced.matches ? own : choice ?? own; // paper is white
    dispatchEvent(new Event("theme"));
  };
  for (const query of [system, forced, print]) query.addEventListener("change", apply);
  addEventListener("theme-switch", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    choice = (next === "dark") === system.matches ? null : next; // to choose what the system prefers is to follow it
    try {
      if (choice) localStorage.setItem("theme", choice);
      else localStorage.removeItem("theme");
    } catch { /* as above */ }
    apply();
  });
  apply();
})();
