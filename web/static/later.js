// What is behind links and buttons: the server makes a second script of it, which comes when
// the first numbers are there. See behind.js.

import { Detail } from "./detail.js";
import { Draft } from "./draft.js";
import { Fields } from "./fields.js";

export const parts = { Detail, Draft, Fields };
