// Look-up: results as one types, everything by keyboard, copying, pins. Works for pieces that come into a page later, too.
// Nothing that anybody typed is kept: pins and recently used answers are ids of clauses and gaps.
"use strict";
import { composing, inField, lettersAreOn, tell } from "/static/console.js";

const DELAY = 120;
const RECENT = 12;
const DESK_EVERY = 20_000;
const SHOWN_FOR = 4_000;
const MODEL_EVERY = 3_000;

const rootOf = (node) => node.closest?.("[data-lookup]") ?? null;
const pageRoot = () => document.querySelector("[data-lookup=page]");
const hitsOf = (root) => [...root.querySelectorAll(".answers article.hit, .sides article.hit")];
const boxOf = (root) => root.querySelector(".query");

// -- asking ---------------------------------------------------------------------------------------------------

const notice = document.getElementById("notice");
const timers = new WeakMap();
const running = new WeakMap();
const asked = new WeakMap();
const wantsFirst = new WeakSet();
const state = (root) => new URLSearchParams(new FormData(root.querySelector("form.ask"))).toString();

/** Asks for results after a delay, in the place of what was to be asked before. */
function ask(root, delay = 0) {
  clearTimeout(timers.get(root));
  timers.set(root, setTimeout(() => { timers.delete(root); fetchResults(root); }, delay));
}

/** Asks where the query or the company is another than before. */
function askIfChanged(root) {
  if (state(root) !== asked.get(root)) ask(root, DELAY);
}

/** Not by htmx, which complains on the console of each request that is dropped for a newer one. */
async function fetchResults(root) {
  running.get(root)?.abort();
  const control = new AbortController();
  running.set(root, control);
  asked.set(root, state(root));
  const answers = root.querySelector(".answers");
  answers.setAttribute("aria-busy", "true");
  try {
    const headers = { "HX-Request": "true", "X-CSRF-Token": root.querySelector("[name=csrf]").value };
    const body = new URLSearchParams(asked.get(root));
    const response = await fetch("/lookup", { method: "POST", headers, body, signal: control.signal });
    const text = await response.text();
    if (response.headers.get("HX-Redirect")) return location.assign(response.headers.get("HX-Redirect"));
    if (response.ok) show(root, text);
    else notice.innerHTML = text;
  } catch (error) {
    if (error.name === "AbortError") return;
    tell(root.dataset.saysAway);
    asked.delete(root);
  }
  running.delete(root);
  answers.removeAttribute("aria-busy");
}

/** Puts results, which our own server has made, in their place. */
function show(root, piece) {
  const place = root.querySelector(".answers");
  place.innerHTML = piece;
  notice.textContent = "";
  root.querySelector("[data-status]").textContent = place.querySelector(".found")?.dataset.summary ?? "";
  dress(root);
  if (wantsFirst.delete(root)) hitsOf(root)[0]?.focus();
  awaitModel(root);
}

/** While the model is being loaded and nothing is asked, looks again from time to time. */
function awaitModel(root) {
  if (root.querySelector(".model[data-state=loading]") && boxOf(root)?.value === "" && !document.hidden) ask(root, MODEL_EVERY);
}

document.addEventListener("input", (event) => {
  const root = rootOf(event.target);
  if (root && event.target === boxOf(root) && !event.isComposing) askIfChanged(root);
});
document.addEventListener("compositionstart", (event) => {
  const root = rootOf(event.target);
  if (root) clearTimeout(timers.get(root));
});
document.addEventListener("compositionend", (event) => {
  const root = rootOf(event.target);
  if (root && event.target === boxOf(root)) askIfChanged(root);
});
document.addEventListener("change", (event) => {
  const root = rootOf(event.target);
  if (root && event.target.name === "company") ask(root);
});
document.addEventListener("submit", (event) => {
  const root = rootOf(event.target);
  if (!root) return;
  event.preventDefault();
  ask(root);
});

function clear(root) {
  const box = boxOf(root);
  if (!box) return;
  box.value = "";
  box.focus();
  ask(root);
}

function choose(root, number) {
  const radio = root.querySelectorAll("[name=company]")[number];
  if (!radio) return;
  radio.checked = true;
  ask(root);
}

// -- what is kept in the browser: ids alone -------------------------------------------------------------------

const storeName = (what) => `madoguchi.${what}.${document.body.dataset.account}`;

function kept(what) {
  try {
    const found = JSON.parse(localStorage.getItem(storeName(what)) ?? "[]");
    return Array.isArray(found) ? found.filter((id) => typeof id === "string") : [];
  } catch { return []; }
}

function keep(what, ids) {
  try { localStorage.setItem(storeName(what), JSON.stringify(ids)); } catch { /* a full or closed store: nothing is kept */ }
}

function used(hit) {
  const id = hit.dataset.entry;
  keep("recent", [id, ...kept("recent").filter((each) => each !== id)].slice(0, RECENT));
  showKept();
}

function pin(hit) {
  const id = hit.dataset.entry;
  const pins = kept("pins");
  const isPinned = pins.includes(id);
  keep("pins", isPinned ? pins.filter((each) => each !== id) : [id, ...pins]);
  say(hit, isPinned ? "unpinned" : "pinned");
  document.querySelectorAll("[data-lookup]").forEach(dress);
  showKept();
}

function showKept() {
  const place = document.querySelector("[data-kept]");
  if (!place) return;
  const query = new URLSearchParams();
  kept("pins").forEach((id) => query.append("pin", id));
  kept("recent").forEach((id) => query.append("recent", id));
  if ([...query].length || place.querySelector(".hit")) htmx.ajax("GET", `/lookup/kept?${query}`, { target: place, swap: "innerHTML" });
}

// -- results --------------------------------------------------------------------------------------------------

/** Shows on each result whether it is pinned, and whether there is a chat to insert it into. */
function dress(root) {
  const pins = new Set(kept("pins"));
  const mayInsert = root.dataset.lookup === "panel" || openChat() !== null;
  for (const hit of root.querySelectorAll("article.hit")) {
    hit.querySelector("[data-act=pin]")?.setAttribute("aria-pressed", String(pins.has(hit.dataset.entry)));
    const button = hit.querySelector("[data-act=insert]");
    if (button) button.hidden = !mayInsert;
  }
}

let hiding;
/** Says shortly what was done, where nothing has to move for it. */
function say(node, what) {
  const root = rootOf(node) ?? pageRoot();
  const toast = root.querySelector("[data-toast]");
  toast.textContent = root.dataset[`says${what[0].toUpperCase()}${what.slice(1)}`];
  clearTimeout(hiding);
  hiding = setTimeout(() => { toast.textContent = ""; }, SHOWN_FOR);
}

async function copy(hit, isOther = false) {
  const root = rootOf(hit) ?? pageRoot();
  const text = hit.getAttribute(`data-copy-${isOther ? root.dataset.other : root.dataset.own}`);
  say(hit, (await toClipboard(text)) ? "copied" : "failed");
  used(hit);
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without TLS on another host there is no clipboard; the old way still works there.
    const before = document.activeElement;
    const area = document.createElement("textarea");
    area.className = "unseen";
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus();
    return done;
  }
}

/** The path of the live chat that is open in this tab, as its page has noted it. */
function openChat() {
  const path = sessionStorage.getItem("madoguchi.chat");
  return path?.startsWith("/chats") ? path : null;
}

/**
 * Offers a result to the live chat: `madoguchi:insert` on the document, with text, clauses and language. A listener that takes it
 * calls preventDefault; otherwise it waits in sessionStorage under the same name, and the chat is opened.
 */
function insert(hit, isOther = false) {
  const root = rootOf(hit) ?? pageRoot();
  if (hit.querySelector("[data-act=insert]")?.hidden !== false) return;
  const first = root.dataset.insert;
  const second = first === root.dataset.own ? root.dataset.other : root.dataset.own;
  const lang = isOther ? second : first;
  const detail = { text: hit.getAttribute(`data-copy-${lang}`), clauses: hit.dataset.clauses.split(" ").filter(Boolean), lang };
  used(hit);
  const isTaken = !document.dispatchEvent(new CustomEvent("madoguchi:insert", { detail, cancelable: true }));
  if (isTaken) return say(hit, "inserted");
  sessionStorage.setItem("madoguchi.insert", JSON.stringify(detail));
  if (openChat()) location.assign(openChat());
}

function fold(hit) {
  const original = hit.querySelector("details.original");
  if (original) original.open = !original.open;
}

const ACTS = { copy: (hit) => copy(hit), "copy-other": (hit) => copy(hit, true), pin, insert: (hit) => insert(hit) };
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  const hit = button?.closest(".hit");
  if (hit) ACTS[button.dataset.act]?.(hit);
});
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.original") && event.target.open) used(event.target.closest(".hit"));
}, true);

// -- keys -----------------------------------------------------------------------------------------------------

function move(root, by) {
  const hits = hitsOf(root);
  const at = hits.indexOf(document.activeElement.closest("article.hit"));
  if (at + by < 0) return boxOf(root)?.focus();
  const next = hits[Math.min(at + by, hits.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function inBox(root, event) {
  if (event.key === "ArrowDown") move(root, 1);
  else if (event.key === "Escape") clear(root);
  else if (event.key === "Enter") {
    const isWaiting = timers.has(root) || running.has(root);
    if (!isWaiting && hitsOf(root).length) return move(root, 1);
    wantsFirst.add(root);
    ask(root);
  } else return false;
  return true;
}

function onResults(root, event) {
  const hit = event.target.closest("article.hit");
  const { key } = event;
  if (key === "ArrowDown") return move(root, 1);
  if (key === "ArrowUp") return move(root, -1);
  if (key === "Escape") return clear(root);
  if (key === "Enter" && event.target === hit) return fold(hit);
  if (!lettersAreOn()) return false;
  if (key === "j") return move(root, 1);
  if (key === "k") return move(root, -1);
  if (key === "/" && boxOf(root)) { boxOf(root).focus(); return boxOf(root).select(); }
  if (key === "?") { const legend = document.querySelector("[data-legend]"); if (legend) legend.open = !legend.open; return true; }
  if (/^[0-9]$/.test(key) && boxOf(root)) return choose(root, Number(key));
  if (!hit) return false;
  if (key === "c") return copy(hit);
  if (key === "C") return copy(hit, true);
  if (key === "p") return pin(hit);
  if (key === "i") return insert(hit);
  if (key === "I") return insert(hit, true);
  return false;
}

document.addEventListener("keydown", (event) => {
  const target = event.target;
  // On a page of its own it has the keys everywhere; in a panel only where the focus is in it.
  const root = rootOf(target) ?? pageRoot();
  if (!root || event.ctrlKey || event.metaKey || event.altKey) return;
  if (composing(event)) {
    if (event.key === "Enter" && target === boxOf(root)) event.preventDefault();
    return;
  }
  if (target === boxOf(root)) {
    if (inBox(root, event)) event.preventDefault();
    return;
  }
  if (inField(target) && target.type !== "radio" && target.type !== "checkbox") return;
  if (target.type === "radio" && event.key.startsWith("Arrow")) return;
  if (onResults(root, event) !== false) event.preventDefault();
});

// -- the desk's clock -----------------------------------------------------------------------------------------

function desk() {
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit" }).format(new Date());
  const [hour, minute] = clock.split(":").map(Number);
  for (const place of document.querySelectorAll(".desk[data-opens]")) {
    const now = hour * 60 + minute;
    const state = now < Number(place.dataset.opens) ? "before" : now >= Number(place.dataset.closes) ? "after" : "open";
    place.dataset.state = state;
    place.querySelectorAll("[data-when]").forEach((each) => { each.hidden = each.dataset.when !== state; });
  }
}
setInterval(desk, DESK_EVERY);

// -- the comparison -------------------------------------------------------------------------------------------

function unfold(button, isOpen) {
  button.setAttribute("aria-expanded", String(isOpen));
  button.closest("tbody").querySelectorAll("tr.facet").forEach((row) => { row.hidden = !isOpen; });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (button) return unfold(button, button.getAttribute("aria-expanded") !== "true");
  const all = event.target.closest("[data-all]");
  if (all) document.querySelectorAll("[data-fold]").forEach((each) => unfold(each, all.dataset.all === "open"));
});

document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.(".comparison th, .comparison td");
  const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
  if (!cell || !step || composing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...cell.closest("table").rows].filter((row) => !row.hidden && !row.closest("thead"));
  const row = rows[rows.indexOf(cell.parentElement) + step[0]];
  const next = row?.cells[cell.cellIndex + step[1]]?.querySelector("a, button");
  if (!next) return;
  event.preventDefault();
  next.focus();
});

// -- begin ----------------------------------------------------------------------------------------------------

function begin() {
  for (const root of document.querySelectorAll("[data-lookup]")) {
    dress(root);
    if (!root.querySelector("form.ask")) continue;
    asked.set(root, state(root));
    awaitModel(root);
  }
  desk();
  showKept();
}
document.addEventListener("htmx:load", (event) => { if (event.target.matches?.(".lookup-panel")) begin(); });
begin();
document.documentElement.dataset.lookupReady = "";
