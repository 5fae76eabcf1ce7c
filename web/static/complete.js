// What may stand at a place of a definitions file: keys and values of its schema, stats that the
// file has, and fields that the log has.

/** Reads a text up to a place as YAML. It gives
 *   path: the keys down to it, "-" for an entry of a list;
 *   key: whether a key stands here, else a value;
 *   word: what is written of it so far, and from: where that begins;
 *   keys: those that stand beside it already;
 * null within a comment or a text of several lines. It knows what definitions are made of: maps,
 * lists, flow and quotes, and no anchors or tags. */
export function placeIn(text, at) {
  const blocks = []; // {indent, key, list, keys}: the block maps' keys and lists that are open
  const flows = []; // {list, keys, key}: the flow maps and lists that are open
  let scalar = -1; // indent of what has a text of several lines; -1: nothing
  let start = 0; // of what is being written
  let i = 0;
  const root = new Set();
  const keysHere = () => blocks.at(-1)?.keys ?? root;

  // Reads a value from i to the line's end; true: the place is within a comment.
  const value = (end) => {
    start = i;
    let quote = "";
    for (; i < end; i++) {
      const c = text[i];
      if (quote) {
        if (c === "\\" && quote === "\"") i++;
        else if (c === quote) quote = "";
        continue;
      }
      const empty = !text.slice(start, i).trim();
      if ((c === "\"" || c === "'") && empty) quote = c;
      else if (c === "#" && (i === 0 || /\s/.test(text[i - 1]))) {
        i = end;
        return true;
      } else if ((c === "{" || c === "[") && empty) {
        flows.push({ list: c === "[", keys: new Set(), key: null });
        start = i + 1;
      } else if (flows.length && (c === "}" || c === "]")) {
        flows.pop();
        start = i + 1;
      } else if (flows.length && c === ",") {
        flows.at(-1).key = null;
        start = i + 1;
      } else if (flows.length && !flows.at(-1).list && c === ":" && (i + 1 >= text.length || /\s/.test(text[i + 1]))) {
        const top = flows.at(-1);
        top.key = text.slice(start, i).trim().replace(/^["']|["']$/g, "");
        top.keys.add(top.key);
        start = i + 1;
      }
    }
    return false;
  };

  for (;;) {
    const newline = text.indexOf("\n", i);
    const last = newline < 0 || newline >= at; // the line that the place is in
    const end = last ? at : newline;
    const begin = i;
    let isKey = false, comment = false;
    if (flows.length) comment = value(end);
    else {
      while (i < end && text[i] === " ") i++;
      let indent = i - begin;
      const blank = i === end || text[i] === "\r";
      if (scalar >= 0 && (blank && !last || indent > scalar)) {
        if (last) return null;
        i = newline + 1;
        continue;
      }
      scalar = -1;
      start = i;
      isKey = true;
      if (blank && !last) {
        i = newline + 1;
        continue;
      }
      while (text[i] === "-" && i < end && (i + 1 >= end || text[i + 1] === " ")) {
        while (blocks.length && (blocks.at(-1).indent > indent || blocks.at(-1).indent === indent && blocks.at(-1).list)) blocks.pop();
        blocks.push({ indent, list: true, keys: new Set() });
        i++;
        while (i < end && text[i] === " ") i++;
        indent = i - begin;
        start = i;
      }
      while (blocks.length && blocks.at(-1).indent >= indent && !(blocks.at(-1).list && blocks.at(-1).indent < indent)) blocks.pop();
      if (text[i] === "#" && i < end) {
        comment = true;
        i = end;
      } else {
        const found = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"'{[][^:#]*?)\s*:(?=\s|$)/.exec(text.slice(i, end));
        if (found) {
          const key = found[0].slice(0, -1).trim().replace(/^["']|["']$/g, "");
          keysHere().add(key);
          blocks.push({ indent, key, keys: new Set() });
          i += found[0].length;
          isKey = false;
          comment = value(end);
          if (!last && !flows.length && /^\s*[|>][-+0-9]*\s*(#.*)?$/.test(text.slice(begin + indent + found[0].length, end))) scalar = indent;
        } else if (/^["'{[]/.test(text.slice(i, end))) {
          comment = value(end);
          isKey = false;
        } else i = end;
      }
    }
    if (!last) {
      i = newline + 1;
      continue;
    }
    if (comment) return null;
    const top = flows.at(-1);
    const path = blocks.flatMap((b) => b.list ? ["-"] : [b.key]);
    for (const [n, f] of flows.entries()) if (f.list) path.push("-"); else if (f.key !== null && (n < flows.length - 1 || f === top)) path.push(f.key);
    if (top) isKey = !top.list && top.key === null;
    while (start < at && /\s/.test(text[start])) start++;
    return { path, key: isKey, word: text.slice(start, at), from: start, keys: top ? top.keys : isKey ? keysHere() : new Set() };
  }
}

/** The schemas of what may stand at a path. */
export function schemasAt(schema, path) {
  const all = (s) => {
    if (s === undefined || s === true || s === false) return [];
    if (s.$ref) return []; // of a variable, which is nothing to complete
    return s.anyOf ? s.anyOf.flatMap(all).map((a) => ({ description: s.description, examples: s.examples, ...a })) : [s];
  };
  let here = all(schema);
  for (const step of path) {
    here = here.flatMap((s) => step === "-" ? all(s.items) : all(s.properties?.[step] ?? s.additionalProperties));
  }
  return here;
}

/** Whether a schema's text is the name of a field. */
const isField = (s) => s.not?.pattern === "^\\$env";

const FORMULA = /^(ratio|value|good|total|when|clear|rows|of)$/; // keys whose values name stats
const CONDITION = /^(where|derive|define)$/;
const WORDS = ["contains", "startsWith", "endsWith", "matches", "in", "and", "or", "not", "true", "false"];

/** A field as conditions have it. */
export const fieldText = (name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `$env[${JSON.stringify(name)}]`;

/** A text as YAML has it, in a flow too. */
export const yamlText = (text) => /^[A-Za-z_/][A-Za-z0-9_./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);

/** The names of the stats that a text has. */
export const statsIn = (text) => [...new Set([...text.matchAll(/(?:^|[\s{,])name:[ \t]*("(?:[^"\\]|\\.)*"|[^\s,}#"']+)/gm)].map(([, name]) => {
  try {
    return name.startsWith("\"") ? JSON.parse(name) : name;
  } catch {
    return "";
  }
}))].filter(Boolean);

/** What may stand at a place of a text: {from, to, all: [{text, insert, about}]}, those that begin
 * with what is written there first. The log's fields are [{field, types, top: [{value}]}]. */
export function completions(text, at, schema, fields = []) {
  const place = placeIn(text, at);
  if (!place) return { from: at, to: at, all: [] };
  let { from, word } = place;
  const step = place.path.findLast((p) => p !== "-");
  const here = schemasAt(schema, place.path);
  let all = [];
  const offer = (name, about = "", insert = name) => { if (!all.some((o) => o.text === name)) all.push({ text: name, about, insert }); };
  const objects = here.filter((s) => s.type === "object" && s.properties);
  const isCondition = !place.key && (CONDITION.test(step) || place.path.some((p) => p === "define" || p === "derive"));
  if (objects.length && (place.key || place.path.at(-1) === "-")) {
    for (const s of objects) {
      const denied = new Set();
      for (const key of place.keys) {
        for (const [name, rule] of Object.entries(s.dependencies?.[key]?.properties ?? {})) if (rule === false) denied.add(name);
      }
      const one = (s.oneOf ?? []).flatMap((o) => o.required ?? []); // of which there is one
      const chosen = one.some((k) => place.keys.has(k));
      for (const [name, of] of Object.entries(s.properties)) {
        if (of === false || place.keys.has(name) || denied.has(name) || chosen && one.includes(name)) continue;
        offer(name, of.description, `${name}: `);
      }
    }
  } else if (!place.key && isCondition) {
    const value = /([A-Za-z_][A-Za-z0-9_]*|\$env\["[^"]*"\])\s*(?:==|!=)\s*(["']?)((?:(?!\2)[^\s])*|[^"']*)$/.exec(word);
    const of = value && fields.find((f) => fieldText(f.field) === value[1]);
    if (of) {
      from += word.length - value[3].length - value[2].length;
      word = value[2] + value[3];
      const bare = of.types.every((t) => t === "number" || t === "boolean" || t === "bool");
      for (const { value: v } of of.top ?? []) offer(bare ? v : inQuotes(text, from, v), "", bare ? v : inQuotes(text, from, v));
    } else {
      const part = /[A-Za-z_$][A-Za-z0-9_$.]*$/.exec(word)?.[0] ?? "";
      from += word.length - part.length;
      word = part;
      for (const f of fields) offer(fieldText(f.field), f.types.join(", "));
      for (const w of WORDS) if (word) offer(w);
    }
  } else if (!place.key) {
    const quoted = /^["']/.exec(word)?.[0] ?? "";
    if (quoted) [from, word] = [from + 1, word.slice(1)];
    const written = (name) => quoted ? name : yamlText(name);
    for (const s of here) {
      for (const v of s.enum ?? []) offer(String(v), s.description);
      if (s.const !== undefined) offer(String(s.const), s.description);
      if (s.type === "boolean") ["true", "false"].forEach((v) => offer(v, s.description));
      for (const v of s.examples ?? []) offer(String(v), s.description);
      if (isField(s)) for (const f of fields) offer(f.field, f.types.join(", "), written(f.field));
    }
    if (FORMULA.test(step)) {
      const part = /[A-Za-z0-9._/-]*$/.exec(word)[0];
      from += word.length - part.length;
      word = part;
      for (const name of statsIn(text)) offer(name, "a stat", name);
    }
  }
  const low = word.toLowerCase();
  all = all.filter((o) => o.text.toLowerCase().includes(low));
  const rank = (o) => o.text.toLowerCase().startsWith(low) ? 0 : 1;
  return { from, to: at, all: all.map((o, n) => [rank(o), n, o]).sort(([a, n], [b, m]) => a - b || n - m).map(([, , o]) => o).slice(0, 100) };
}

/** A text of an expression, in the quotes that do not end the YAML text that it stands in. */
function inQuotes(text, at, value) {
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  const open = /:\s*(["'])(?:[^"'\\]|\\.|(?!\1)["'])*$/.exec(line)?.[1];
  if (open === "\"") return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  if (open === "'") return JSON.stringify(value).replaceAll("'", "''");
  return JSON.stringify(value);
}
