// Making elements. Everything from outside becomes text, never markup.

/** element makes one of a tag and class, with children: elements or text. */
export function element(tag, className = "", ...children) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

/** write sets an element's text, if it changed. */
export function write(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

const TAIL = 9; // characters of a name's end that are always shown
const LONG = 20; // a name that may not fit

/** cut sets an element's text so that where it does not fit its middle is left out: names
 * of one kind often begin alike. */
export function cut(e, text) {
  if (e.textContent === text && e.childElementCount) return;
  const letters = text.length > LONG ? [...text] : [];
  const [head, tail] = letters.length > LONG ? [letters.slice(0, -TAIL).join(""), letters.slice(-TAIL).join("")] : [text, ""];
  e.replaceChildren(element("bdi", "", head), element("bdi", "", tail));
}

/** mark sets or removes an element's data attribute, if it changed. */
export function mark(e, name, value) {
  if (value) {
    if (e.dataset[name] !== value) e.dataset[name] = value;
  } else if (name in e.dataset) delete e.dataset[name];
}

const REST = 15000; // ms after which a pointer that rests is let go: a wall must go on

/** resting gives a function that is told whether something was just pointed at, and
 * calls letGo when that was long ago. */
export function resting(letGo) {
  let timer;
  return (pointed) => {
    clearTimeout(timer);
    if (pointed) timer = setTimeout(letGo, REST);
  };
}

/** download gives a file to the reader. */
export function download(name, blob) {
  const a = element("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}
