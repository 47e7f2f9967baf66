/** Helpers for the document. Text is inserted as text, never as HTML. */

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`there is no #${id}`);
  return found;
}

/** @param {string} id */
function inputById(id) {
  return /** @type {HTMLInputElement} */ (byId(id));
}

/**
 * A new element with a class and children.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} className
 * @param {...(Node | string)} children
 */
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/** Sets the text if it has changed, because each change costs a layout. @param {Node} node @param {string} text */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {HTMLElement} node @param {string} name @param {string} value */
function setData(node, name, value) {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

/** Replaces the children if they have changed, so that a selection in them survives. @param {Element} node @param {Element[]} children */
function setChildren(node, children) {
  const isSame =
    node.children.length === children.length &&
    children.every((one, i) => one === node.children[i]);
  if (!isSame) node.replaceChildren(...children);
}

/** @type {string[]} */
const announcements = [];
const announceAll = throttled(300, () => {
  setText(byId('announcer'), announcements.splice(0).join(' '));
});

/** Announces the text to screen readers, together with other texts of the moment. @param {string} text */
function announce(text) {
  announcements.push(text);
  announceAll();
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A function that calls `work` at most once in `intervalMs`, the first time at once. @param {number} intervalMs @param {() => void} work */
function throttled(intervalMs, work) {
  let isDue = false;
  let lastAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (isDue) return;
    isDue = true;
    const waitMs = Math.max(0, lastAt + intervalMs - performance.now());
    setTimeout(() => {
      isDue = false;
      lastAt = performance.now();
      work();
    }, waitMs);
  };
}
