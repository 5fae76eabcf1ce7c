// The window's icon, in the color of how things stand: a tab that is not looked at
// tells too. It is made here, since a server that is away cannot be asked for it.

const HUES = { ok: "#0b7f6d", warn: "#b86400", crit: "#c4262e", lost: "#7a848d" };

/** iconOf gives the address of the icon of "ok", "warn", "crit", or "lost", for what
 * is not of now. */
export const iconOf = (state) => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="${HUES[state]}"/><path d="${
  state === "lost" ? "M4 18h24" : "M4 18h6l2.6-5L16 25l4.2-18 3 11H28"}" fill="none" stroke="#fff" stroke-width="2.6" stroke-linejoin="round" stroke-linecap="round"${state === "lost" ? " stroke-dasharray=\"1 5\"" : ""}/></svg>`)}`;
