// What the reader may do here, as the server says. It refuses what else is asked for: this is so
// that the page offers nothing that would be refused.

const ROLES = ["read", "lines", "edit"];

let role = "edit";

/** Whether the reader has a role: "lines" sees log lines, "edit" changes what others see. */
export const may = (needed) => ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** Takes the reader's role, and hides what needs another one. */
export function setRole(now) {
  role = now;
  document.body.dataset.may = now;
}

/** Why no lines are shown. */
export const NO_LINES = "log lines need the role lines, which you do not have";
