// The queue, and a live chat beside it.
import {composing, inField, lettersAreOn, tell} from "./console.js";

const $ = (id) => document.getElementById(id);
const words = JSON.parse($("words").textContent);
const csrf = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];
const talk = $("talk");

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// ---- settings of this browser

const isOn = (name) => localStorage.getItem(`madoguchi-${name}`) === "1";
for (const box of document.querySelectorAll("[data-setting]")) {
  box.checked = isOn(box.dataset.setting);
  box.addEventListener("change", () => {
    localStorage.setItem(`madoguchi-${box.dataset.setting}`, box.checked ? "1" : "0");
    hint();
  });
}
const key = (name, act) => document.addEventListener("keydown", (event) => lettersAreOn() && event.key === name && plain(event) && act(event));
const plain = (event) => !(composing(event) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || inField(event.target));

// ---- the list

let revision = "";
const unfolded = new Set();

document.addEventListener("madoguchi:pulse", ({detail}) => {
  const now = JSON.stringify(detail.revision);
  if (now === revision) return;
  revision = now;
  htmx.trigger("#queue", "refresh");
});
$("queue").addEventListener("toggle", ({target}) => unfolded[target.open ? "add" : "delete"](target.id), true);
$("queue").addEventListener("htmx:afterSwap", () => {
  for (const details of $("queue").querySelectorAll("details")) details.open = unfolded.has(details.id);
  tick();
});

/** Waiting times go on by the second; their colour and their words say how urgent they are. */
function tick() {
  const limit = Number($("queue").dataset.limit);
  for (const clock of document.querySelectorAll(".clock")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(clock.dataset.since)) / 1000));
    const tone = seconds >= limit ? "late" : seconds >= limit / 2 ? "soon" : "calm";
    const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
    const time = `${hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes}:${String(seconds % 60).padStart(2, "0")}`;
    const text = words[clock.dataset.kind + (tone === "calm" ? "" : `_${tone}`)].replace("{time}", time);
    if (clock.textContent !== text) clock.textContent = text;
    clock.dataset.tone = tone;
  }
}
setInterval(tick, 1000);
tick();

function move(by) {
  const links = [...$("queue").querySelectorAll(".chat")].filter((link) => link.checkVisibility?.() ?? true);
  const at = links.findIndex((link) => link === document.activeElement);
  const from = at < 0 ? links.findIndex((link) => link.ariaCurrent) : at;
  links[Math.max(0, Math.min(links.length - 1, from + by))]?.focus();
}
key("j", () => move(1));
key("k", () => move(-1));

// ---- talking to the server

async function post(path, fields) {
  const response = await fetch(`/chats/${talk.dataset.id}/${path}`, {
    method: "POST",
    headers: {"X-CSRF-Token": csrf},
    body: new URLSearchParams(fields),
    signal: AbortSignal.timeout(20000),
  });
  return {status: response.status, body: await response.json().catch(() => null)};
}

// ---- the open chat

const log = $("log"), box = $("text");
const isMine = () => talk.dataset.mode === "mine";
let after = Number(talk?.dataset.after);
let read = 0;
let wanted = false; // the chat was just taken: the box is where one goes on

let end = true; // whether the newest is in sight, and is to stay so
const toEnd = () => { log.scrollTop = log.scrollHeight; };

function receive({seq, sender, html}) {
  after = Math.max(after, seq);
  if (log.querySelector(`[data-seq="${seq}"]`)) return;
  const node = document.createRange().createContextualFragment(html).firstElementChild;
  if (node.dataset.client) $(`p-${node.dataset.client}`)?.remove();
  log.insertBefore(node, log.querySelector(".pending"));
  if (end || node.dataset.mine !== undefined) toEnd();
  if (sender === "customer") {
    $("said").append(make("p", {textContent: node.querySelector(".body").textContent, lang: node.querySelector(".body").lang}));
  }
  mark();
}

function apply({mode, viewers, types, there, head}) {
  talk.dataset.mode = mode;
  if (head !== undefined) {
    const had = document.activeElement?.closest("#head") && document.activeElement.id;
    $("head").innerHTML = head;
    htmx.process($("head"));
    if (had) ($(had) ?? (mode === "mine" ? box : $("log"))).focus();
    tick();
  }
  $("viewers").textContent = viewers;
  $("there").textContent = there || mode === "ended" ? "" : words.away;
  $("types").textContent = types ? words.types : "";
  $("composer").hidden = mode === "ended";
  const [say, note] = composer.what;
  if (say.disabled !== (mode !== "mine")) {
    remember();
    say.disabled = mode !== "mine";
    (say.disabled ? note : say).checked = true;
    hint();
  }
  if (wanted && mode === "mine") {
    wanted = false;
    box.focus();
  }
  mark();
}

/** Tells the server up to where the chat was read, when somebody looks at it. */
function mark() {
  if (!isMine() || read >= after || document.hidden || !document.hasFocus()) return;
  read = after;
  post("sign", {read}).catch(() => { read = 0; });
}
addEventListener("focus", () => talk && mark());
document.addEventListener("visibilitychange", () => talk && mark());

function follow() {
  const source = new EventSource(`/chats/${talk.dataset.id}/stream?after=${after}`);
  let heard = Date.now(), is_over = false;
  const hear = (act) => ({data}) => {
    heard = Date.now();
    if (talk.dataset.cut) {
      delete talk.dataset.cut;
      tell("");
    }
    act(JSON.parse(data));
  };
  const watch = setInterval(() => Date.now() - heard > 25000 && again(), 5000);
  const again = () => {
    if (is_over) return;
    is_over = true;
    source.close();
    clearInterval(watch);
    talk.dataset.cut = "1";
    tell(words.connection);
    setTimeout(follow, 1000 + Math.random() * 1500);
  };
  source.onerror = again;
  source.addEventListener("beat", hear(() => {}));
  source.addEventListener("message", hear(receive));
  source.addEventListener("state", hear(apply));
  source.addEventListener("gone", () => {
    is_over = true;
    source.close();
    clearInterval(watch);
    talk.dataset.mode = "ended";
    $("composer").hidden = true;
    $("head").querySelector(".deeds")?.remove();
    tell(words.gone);
  });
}

// ---- writing

const composer = $("composer");
const KEPT = `madoguchi-draft:${talk?.dataset.id}`;
let sources = [];
let confirmed = false;
let typed = 0;
const isNote = () => composer.what.value === "note";

function hint() {
  if (!talk) return;
  composer.dataset.what = composer.what.value;
  $("send").textContent = isNote() ? words.keep : words.send;
  $("hint").textContent = isOn("enter") ? words.enter_hint : words.send_hint;
  $("label").textContent = isNote() ? words.note_label : words.reply_label;
  box.placeholder = $("label").textContent;
  $("canned").hidden = isNote();
}

function keep() {
  if (box.value || sources.length) sessionStorage.setItem(KEPT, JSON.stringify({text: box.value, sources}));
  else sessionStorage.removeItem(KEPT);
}

function fit() {
  box.rows = 3;
  while (box.scrollHeight > box.clientHeight + 2 && box.rows < 10) box.rows++;
  const count = [...box.value].length, most = box.maxLength;
  $("count").textContent = count > most * 0.8 ? `${count} / ${most}` : "";
}

/** The customer sees that somebody types; nothing of what. */
function types() {
  const now = Date.now();
  if (isNote() || !isMine()) return;
  if (box.value && now - typed > 3000) {
    typed = now;
    post("sign", {typing: "1"}).catch(() => {});
  } else if (!box.value && typed) {
    typed = 0;
    post("sign", {typing: "0"}).catch(() => {});
  }
}

function warn(text, choice) {
  $("warning").hidden = !text;
  $("warning").replaceChildren(text ?? "", ...(choice ? [" ", choice] : []));
}

function cite() {
  $("sources").hidden = !sources.length;
  $("sources").replaceChildren(...(sources.length ? [make("li", {textContent: words.source})] : []), ...sources.map((clause) => {
    const out = make("button", {type: "button", className: "quiet", ariaLabel: words.remove.replace("{clause}", clause), textContent: "×"});
    out.addEventListener("click", () => {
      sources = sources.filter((each) => each !== clause);
      cite();
      keep();
      box.focus();
    });
    return make("li", {className: "tag"}, clause, out);
  }));
}

/** Puts a text where the caret is, on lines of its own where there is text already. */
function insert(text, from = box.selectionStart) {
  const before = box.value.slice(0, from), rest = box.value.slice(box.selectionEnd);
  const whole = (before && !/\n$/.test(before) ? `${before.trimEnd()}\n` : before) + text;
  box.value = whole + (rest && !rest.startsWith("\n") ? `\n${rest}` : rest);
  box.setSelectionRange(whole.length, whole.length);
  box.focus();
  changed();
}

function changed() {
  confirmed = false;
  warn("");
  fit();
  keep();
  types();
}

function send() {
  const text = box.value.trim();
  if (!text) return;
  const path = isNote() ? "note" : "say";
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(36).padStart(2, "0")).join("");
  const fields = {text, client_id: id, ...(path === "say" ? {clauses: sources.join(" "), confirmed: confirmed ? "1" : "0"} : {})};
  const kept = {text, sources};
  const node = make("article", {className: "message pending", id: `p-${id}`},
    make("p", {className: "by small"}, words.who_me, " ", words.sending), make("div", {className: "body"}, make("p", {textContent: text})));
  node.dataset.sender = path === "note" ? "note" : "person";
  node.dataset.mine = "";
  log.append(node);
  toEnd();
  box.value = "";
  sources = [];
  typed = 0;
  cite();
  changed();
  queue = queue.then(() => deliver(path, fields, node, kept)); // one after the other, in their order
}
let queue = Promise.resolve();

/** Sends until the server has it, which knows a repeated client_id; what it refuses goes back into the box. */
async function deliver(path, fields, node, kept) {
  for (let tries = 0; ; tries++) {
    const {status, body} = await post(path, fields).catch(() => ({status: 0}));
    if (status === 200) {
      if (log.querySelector(`[data-seq="${body.seq}"]`)) node.remove();
      return;
    }
    if (status >= 400 && status < 500) {
      node.remove();
      box.value = [kept.text, box.value].filter(Boolean).join("\n");
      sources = [...new Set([...kept.sources, ...sources])];
      cite();
      changed();
      if (body?.warning) {
        const anyway = make("button", {type: "button", textContent: words.send_anyway});
        anyway.addEventListener("click", () => {
          confirmed = true;
          send();
        });
        warn(body.warning, anyway);
      } else warn(body?.error ?? words.not_sent);
      return;
    }
    await new Promise((done) => setTimeout(done, Math.min(8000, 500 * 2 ** tries)));
  }
}

// ---- canned replies

let replies = [];
let offered = [];
let chosen = 0;
let slash = null; // where the "/" stands that asks for them

const lang = () => talk.dataset.lang;

function look() {
  const before = box.value.slice(0, box.selectionStart);
  const match = /(?:^|\s)([/／])([^\s/／]*)$/.exec(before);
  slash = match && !isNote() ? box.selectionStart - match[2].length - 1 : null;
  if (slash === null) return fold();
  offer(match[2].toLowerCase());
}

function offer(part) {
  offered = replies.filter(({name, title}) => [name, title.ja, title.en.toLowerCase()].some((text) => text.includes(part)));
  chosen = 0;
  $("choices").hidden = false;
  draw();
}

function draw() {
  const own = document.documentElement.lang;
  $("choices").replaceChildren(...offered.map(({name, title, text}, n) => {
    const item = make("li", {id: `choice-${n}`, ariaSelected: n === chosen},
      make("b", {textContent: `/${name}`}), " ", title[own], make("span", {className: "small soft", lang: lang(), textContent: text[lang()]}));
    item.setAttribute("role", "option");
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      choose(n);
    });
    return item;
  }));
  if (!offered.length) $("choices").append(make("li", {className: "soft small", role: "option", ariaDisabled: true, textContent: words.canned_none}));
  $(`choice-${chosen}`)?.scrollIntoView({block: "nearest"});
  if (offered.length) box.setAttribute("aria-activedescendant", `choice-${chosen}`);
  else box.removeAttribute("aria-activedescendant");
}

function fold() {
  slash = null;
  $("choices").hidden = true;
  box.removeAttribute("aria-activedescendant");
}

function choose(n) {
  const from = slash ?? box.selectionStart;
  const {text} = offered[n];
  fold();
  insert(text[lang()], from);
}

/** Keys of the list of canned replies; whether one was used. */
function inChoices({key: name}) {
  if ($("choices").hidden) return false;
  if (name === "Escape") fold();
  else if (!offered.length) return false;
  else if (name === "Enter" || name === "Tab") choose(chosen);
  else if (name === "ArrowDown" || name === "ArrowUp") {
    chosen = (chosen + (name === "ArrowDown" ? 1 : -1) + offered.length) % offered.length;
    draw();
  } else return false;
  return true;
}

// ---- the hands

function onBoxKey(event) {
  if (composing(event)) return;
  const {key: name, ctrlKey, metaKey, shiftKey} = event;
  const sends = name === "Enter" && (ctrlKey || metaKey || (isOn("enter") && !shiftKey));
  if (!ctrlKey && !metaKey && inChoices(event)) event.preventDefault();
  else if (sends) {
    event.preventDefault();
    send();
  } else if (name === "Escape") log.focus();
}

if (talk) {
  replies = JSON.parse($("replies").textContent);
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  if (kept) {
    box.value = kept.text;
    sources = kept.sources;
    cite();
  }
  fit();
  hint();
  toEnd();
  log.addEventListener("scroll", () => { end = log.scrollHeight - log.scrollTop - log.clientHeight < 60; });
  new ResizeObserver(() => end && toEnd()).observe(log); // the box below it grows
  follow();
  if (isMine()) box.focus();
  box.addEventListener("keydown", onBoxKey);
  box.addEventListener("input", (event) => {
    changed();
    if (!event.isComposing) look();
  });
  box.addEventListener("compositionend", look);
  box.addEventListener("blur", fold);
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  composer.addEventListener("change", hint);
  $("canned").addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
  $("canned").addEventListener("click", () => {
    if (!$("choices").hidden) return fold();
    box.focus();
    slash = null;
    offer("");
  });
  document.addEventListener("madoguchi:insert", (event) => {
    event.preventDefault(); // it is taken: the look-up need not keep it for a chat
    if (isMine()) adopt(event.detail);
    else tell(words.not_mine);
  });
  remember();
  document.addEventListener("htmx:beforeRequest", ({detail}) => { wanted ||= detail.pathInfo.requestPath.endsWith("/take"); });
  document.addEventListener("htmx:afterRequest", ({detail}) => {
    if (detail.successful && detail.pathInfo.requestPath.startsWith(`/chats/${talk.dataset.id}/`)) tell("");
  });
  key("t", () => $("take")?.click());
  key("r", (event) => isMine() && to(event, "say"));
  key("n", (event) => !composer.hidden && to(event, "note"));
  key("l", (event) => {
    event.preventDefault();
    $("lookup").querySelector(".query")?.focus();
  });
}

/** Puts what the look-up found into the reply, with its clauses. */
function adopt({text, clauses}) {
  composer.what.value = "say";
  hint();
  sources = [...new Set([...sources, ...clauses])];
  cite();
  insert(text);
}

/** Notes for the look-up's own page in this tab that this chat takes what it finds, and takes what it has found. */
function remember() {
  if (isMine()) {
    sessionStorage.setItem("madoguchi.chat", location.pathname);
    const waiting = sessionStorage.getItem("madoguchi.insert");
    sessionStorage.removeItem("madoguchi.insert");
    if (waiting) adopt(JSON.parse(waiting));
  } else if (sessionStorage.getItem("madoguchi.chat") === location.pathname) sessionStorage.removeItem("madoguchi.chat");
}

function to(event, what) {
  event.preventDefault();
  composer.what.value = what;
  hint();
  box.focus();
}

// Menus close by Escape and by a click elsewhere.
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (event.key !== "Escape" || composing(event) || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
document.addEventListener("click", ({target}) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
});
