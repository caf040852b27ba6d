"use strict";
// The keys, and saving as one types. Without this script every form and link does the same, a page at a time.

const marking = document.getElementById("marking");
const student = document.body.dataset.student;
let state = document.body.dataset.state;
let saving = null; // the requests under way, one after the other
let waiting = null; // the field that was typed in since the last one was sent
let unsaved = false; // whether something in the form is not in the file
let sure = false; // whether the form may go to the server as a whole
let leaving = false; // whether another page is asked for: what is typed now is not meant for this one
let lastField = ""; // typing on in a field is one change, which is undone as one

// ------------------------------------------------------------------------------------------------------------- saving

function show(id, text) {
  const place = document.getElementById(id);
  place.textContent = text;
  place.hidden = text === "";
}

function save(field) {
  waiting = field;
  unsaved = true;
  saving ??= (async () => {
    while (waiting !== null) unsaved = !(await send(waiting));
    saving = null;
    return !unsaved;
  })();
  return saving;
}

async function send(field) {
  const form = new URLSearchParams(new FormData(marking));
  if (field && field === lastField) form.set("typing", "yes");
  [lastField, waiting] = [field, null];
  const slow = setTimeout(show, 300, "saved", "saving"); // not at each key: it is read aloud
  try {
    const answer = await fetch(location.pathname, {
      method: "POST", body: form, headers: { Accept: "application/json" },
      keepalive: String(form).length < 60000, // browsers refuse it for more than 64 KB
    });
    const reply = await answer.json();
    if (!answer.ok) throw new Error(reply.problem);
    if (Object.keys(reply.conflicts).length) {
      sure = leaving = true;
      marking.submit(); // shows both versions
      return true;
    }
    for (const [name, text] of Object.entries(reply.before)) marking.elements[`before.${name}`].value = text;
    for (const place of marking.querySelectorAll("[data-problem]")) {
      place.textContent = reply.mistakes[place.dataset.problem] || "";
      place.hidden = !place.textContent;
    }
    document.getElementById("score").textContent = reply.score;
    document.getElementById("open").textContent = reply.open;
    document.getElementById("undo").hidden = !reply.undo;
    state = reply.digest;
    const whole = Object.keys(reply.mistakes).length === 0;
    show("unsaved", "");
    show("saved", whole ? "saved" : "not all is saved");
    return whole;
  } catch (error) {
    const why = error instanceof TypeError ? "the page's program does not answer, is it still running?" : error.message;
    show("saved", "");
    show("unsaved", `Not saved: ${why} What you typed is still here; Save tries again.`);
    return false;
  } finally {
    clearTimeout(slow);
  }
}

if (marking && student) {
  marking.addEventListener("input", ({ target }) => {
    if (!target.name.startsWith("new.")) save(target.type === "radio" ? "" : target.name); // else it is for the bank
  });
  marking.addEventListener("change", () => (lastField = ""));
  marking.addEventListener("submit", async (event) => {
    if (sure) return;
    event.preventDefault();
    sure = await save("");
    if (sure) marking.requestSubmit(event.submitter);
    sure = false;
  });
  marking.addEventListener("focusin", (event) => {
    const fieldset = event.target.closest("fieldset");
    if (fieldset && fieldset.dataset.field !== "comment") choose(fieldset);
  });
}
addEventListener("beforeunload", (event) => {
  if (!sure && (saving || unsaved)) event.preventDefault(); // the browser asks
  else leaving = true;
});
addEventListener("pageshow", () => (leaving = false));

// --------------------------------------------------------------------------------------------------------------- keys

const fields = marking ? [...marking.querySelectorAll("fieldset:not([data-field=comment])")] : [];
const current = () => fields.find((field) => "current" in field.dataset);
const POINTS = "[inputmode=decimal]"; // not of the type number: a key of an arrow would change them, a comma empty them
let bank = false; // whether the next digit is for the bank of comments

function choose(field) {
  for (const other of fields) delete other.dataset.current;
  field.dataset.current = "";
}

function advance() {
  const next = fields[fields.indexOf(current()) + 1];
  if (!next) return press("n");
  choose(next);
  next.scrollIntoView({ block: "nearest" });
  const input = next.querySelector("input:checked") || next.querySelector("input:not([type=hidden])");
  input.focus();
  input.select(); // so that a digit is the new points, and not one more
}

function digit(key, ofBank) {
  if (ofBank) return current()?.querySelector(`[data-bank="${key}"]`)?.click();
  const input = current()?.querySelector(`[data-digit="${key}"], ${POINTS}`);
  if (!input) return;
  input.focus();
  if (input.type === "radio") input.checked = true;
  else input.value = key;
  save(input.type === "radio" ? "" : input.name);
}

const keyed = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]:not([hidden] *)`);

async function press(key) {
  const target = keyed(key);
  if (!target) return;
  if ("/?".includes(key)) return key === "/" ? target.focus() : target.click();
  leaving = true;
  await saving;
  leaving = !unsaved;
  if (leaving) return target.click();
  document.querySelector(".problem:not([hidden])")?.scrollIntoView({ block: "nearest" });
}

addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || key === "Shift") return;
  const ofBank = bank;
  bank = false;
  if (key === "Escape") return target.blur(), (leaving = false); // it stops a page that does not come, too
  if (leaving) return event.preventDefault();
  if (target.matches(`textarea, select, input:not(${POINTS}, [type=radio], [type=checkbox])`)) return;
  if (key === "Enter" && target.matches("fieldset input")) advance();
  else if (/^[0-9]$/.test(key) && (ofBank || !target.matches(POINTS))) digit(key, ofBank);
  else if (key === "c") bank = true;
  else if (keyed(key)) event.repeat || press(key);
  else return;
  event.preventDefault();
});

// ---------------------------------------------------------------------------------------------------- changed elsewhere

async function look() {
  if (saving || document.hidden) return;
  const before = state;
  try {
    const answer = await fetch(`${document.body.dataset.stateAt}?student=${student || 0}`);
    const now = answer.ok && (await answer.json());
    if (now && !saving && before === state) document.getElementById("changed").hidden = now.digest === state;
  } catch {
    return; // the next saving says so
  }
}

setInterval(look, 3000);
