const root = document.documentElement;
const {site, embedded, away} = document.body.dataset;
const framed = embedded && parent !== window; // the origins that may hold the page stand there
const KEY = `madoguchi:${site}`;
const $ = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const log = $("log"), box = $("text");

let host = null; // origin of the page around the frame, once it has answered
let opened = !framed;
let unread = 0;
let hiddenSince = 0;
let cut = false;
let outbox = [];

/** What this code says, in the language that the server made the page in (words.*.json); what is seldom said comes when it is. */
const words = JSON.parse($("words").textContent);

/** `chosen`: by the customer, the language of the page is; `switching`: the server is being told of another. */
const page = {};

// ---- words

/** A phrase of the table, or a text of the server in both languages, in the page's language. */
const phrase = (name, values) => (name[root.lang] ?? words[name] ?? "").replace(/{(.)}/g, (_, at) => values[at][root.lang] ?? values[at]);

/** Gives an element words that follow the language of the page. */
function say(element, name, ...values) {
  Object.assign(element, {says: name, values, lang: root.lang}).dataset.t = "";
  const text = phrase(name, values);
  if (name && !text) more("speak", root.lang).catch(() => {});
  if (element.textContent !== text) element.textContent = text; // setting the same again would announce it again
  return element;
}

const notify = (...words) => say($("notice"), ...words);

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const label = (tag, words, properties) => say(make(tag, properties), words);

function clock(time) {
  const date = new Date(time.dateTime);
  const day = date.toDateString() === new Date().toDateString() ? {} : {month: "short", day: "numeric"};
  time.textContent = date.toLocaleString(root.lang, {...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23"});
}

// ---- what is seldom used

const loaded = {};
let tries = 0;

/** A module that comes with its first use; a copy that could not be loaded is asked for under another name. */
const load = (name) => (loaded[name] ??= import(`./${name}.js${new URL(import.meta.url).search}#${tries}`).catch(() => {
  loaded[name] = null;
  tries++;
  throw {};
}));

const more = async (name, ...values) => (await load("more"))[name](...values);

// ---- what this browser remembers

/** Reads a storage, or writes it; where that is denied, memory has to do. */
function storage(name, value) {
  try {
    if (value === undefined) return window[name].getItem(KEY);
    window[name][value ? "setItem" : "removeItem"](KEY, value);
  } catch { return null; }
}

const tell = (message) => host && parent.postMessage(message, host);

function keepToken(token, former) {
  if (framed) tell({madoguchi: "token", token});
  else if (token || storage("localStorage") === former) storage("localStorage", token); // another tab may have begun anew
}

const keepDraft = () => storage("sessionStorage", box.value || outbox.length ? JSON.stringify({draft: box.value, outbox}) : null);

// ---- the server

/** Calls the API; a refusal is thrown with its status and what the server says. */
async function api(method, path, body, signal = AbortSignal.timeout(30000)) {
  const headers = {"Content-Type": "application/json"};
  if (talk.token) headers.Authorization = `Bearer ${talk.token}`;
  const response = await fetch(`/api/${path}`, {method, headers, body: body && JSON.stringify(body), signal, credentials: "omit"});
  if (!response.ok) throw {status: response.status, ...await response.json().catch(() => null)};
  return response;
}

const json = async (...call) => (await api(...call)).json();
const isGone = ({status}) => [401, 404, 410].includes(status);
const isFinal = ({status}) => status < 500 && status !== 408;

function explain(error) {
  if (isGone(error)) forget("ended");
  else if (error.retry_after) notify("wait", error.retry_after);
  else notify(error.message?.[root.lang] ? error.message : "failed");
}

const wake = () => dispatchEvent(new Event("wake"));
const sleep = (ms) => new Promise((done) => {
  setTimeout(done, ms);
  addEventListener("wake", done, {once: true});
});
const backoff = (tries) => sleep(Math.min(30000, 500 * 2 ** tries) * (0.5 + Math.random() / 2));

// ---- the conversation

/** `live`: its history is on the page, so that what comes now is new. */
const blank = (token, live) => ({token, live, last: 0, seen: new Map(), state: "bot", working: false});
let talk = blank();

function clear(token) {
  all(".message, #live p").forEach((node) => node.remove());
  talk = blank(token);
}

/** Leaves a conversation that is over; what was on its way goes back into the box. */
function forget(...words) {
  keepToken(null, talk.token);
  clear();
  const texts = outbox.filter(({offer}) => !offer).map(({text}) => text);
  outbox = [];
  write([...texts, box.value].join("\n").trim());
  notify(...words);
  refresh();
  wake();
}

/** Takes over a state; it comes after the messages up to its last_seq, of which some (notes of staff) are not shown. */
function apply(now) {
  const {state, working, lang: language, last_seq: last} = now;
  Object.assign(talk, {state, working, last: Math.max(talk.last, last)});
  if (loaded.live || /q|h/.test(state)) load("live").then(({show}) => show(now)).catch(() => {}); // queued, human
  if (language !== root.lang && !page.switching) more("speak", language).catch(() => {});
  refresh();
}

function receive(message) {
  const {seq, client_id, sender} = message;
  drop(client_id);
  if (talk.seen.has(seq)) return;
  talk.seen.set(seq, sender);
  place(draw(message), seq);
  if (!talk.live || sender === "customer") return;
  announce(message);
  if (!opened) tell({madoguchi: "unread", count: ++unread});
}

// ---- sending

function send(text, offer) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const item = {client_id: [...bytes].map((byte) => byte.toString(36)).join(""), text, offer, at: new Date().toISOString()};
  outbox.push(item);
  keepDraft();
  notify("");
  pend(item);
  setTimeout(refresh, 1000);
  wake();
  flush();
}

function pend({client_id, text, at}) {
  place(draw({client_id, sender: "customer", lang: root.lang, at, blocks: [{type: "text", runs: [{text}]}], offers: [], masked: []}));
  refresh();
}

/** Takes a message out of the outbox: delivered or refused. */
function drop(id) {
  outbox = outbox.filter(({client_id}) => client_id !== id);
  if (id) $(id)?.remove();
  keepDraft();
}

/** Delivers the outbox in order, as often as it takes; the server knows a repeated client_id. */
async function flush() {
  if (flush.busy) return;
  flush.busy = true;
  for (let tries = 0; outbox.length;) {
    const item = outbox[0];
    const {client_id, text, offer} = item;
    try {
      if (!talk.token) await begin();
      const message = await json("POST", "conversation/messages", offer ? {client_id, offer} : {client_id, text});
      if (outbox.includes(item)) receive(message);
      if (!page.chosen && !offer && message.lang !== root.lang) await more("follow", message.lang).catch(() => {});
      tries = 0;
    } catch (error) {
      if (!outbox.includes(item)) continue;
      if (!isFinal(error)) await backoff(tries++);
      else {
        if (!isGone(error)) {
          drop(client_id);
          if (!offer) write([text, box.value].join("\n").trim());
        }
        explain(error);
      }
    }
    refresh();
  }
  flush.busy = false;
}

async function begin() {
  const {token, conversation} = await json("POST", "conversations", {site: site || null, lang: root.lang});
  if (talk.token) return; // another tab was quicker
  talk = blank(token, true);
  keepToken(token);
  apply(conversation);
  listen();
}

// ---- receiving

const attentive = () => opened && (!document.hidden || Date.now() - hiddenSince < 60000);

/** Follows the conversation until a newer call takes over: history first, then the stream, or long polls where no stream passes. */
async function listen() {
  listen.former?.abort();
  const {signal} = (listen.former = new AbortController());
  const here = talk;
  const over = () => signal.aborted || talk !== here;
  let tries = 0, dull = 0;
  while (here.token && !over()) {
    try {
      if (!here.live) await poll(0, signal);
      else if (!attentive()) {
        await sleep(25000);
        if (!over()) await poll(0, signal);
      } else if (dull > 1) await poll(20, signal);
      else {
        dull++;
        await stream(signal, () => { dull = tries = 0; });
      }
      connected(true);
      tries = 0;
    } catch (error) {
      if (over()) return;
      if (isGone(error)) return forget("ended");
      connected(false);
      await backoff(++tries);
    }
  }
}

async function poll(wait, signal) {
  const here = talk;
  const {messages, conversation} = await json("GET", `conversation/messages?after=${talk.last}&wait=${wait}`, null, signal);
  if (talk !== here) return;
  messages.forEach(receive);
  talk.live = true;
  apply(conversation);
}

/** Reads events until the stream breaks, or is silent for longer than the server's heartbeat. */
async function stream(signal, alive) {
  const watch = new AbortController();
  const stop = () => watch.abort();
  let timer = setTimeout(stop, 20000);
  signal.onabort = stop;
  try {
    const response = await api("GET", `conversation/stream?after=${talk.last}`, null, watch.signal);
    connected(true);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const {value, done} = await reader.read();
      if (done || signal.aborted) throw {};
      clearTimeout(timer);
      timer = setTimeout(stop, 20000);
      alive();
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      events.forEach(heed);
    }
  } finally {
    clearTimeout(timer);
  }
}

function heed(event) {
  const [, type, data] = event.match(/event: (.*)\ndata: (.*)/) ?? []; // none is the heartbeat
  if (type === "gone") throw {status: 410};
  if (type === "message") receive(JSON.parse(data));
  if (type === "state") apply(JSON.parse(data));
}

function connected(yes) {
  cut = !yes;
  refresh();
}

// ---- showing

const link = ({text, href}) => (/^(https|mailto|tel):/.test(href) ? make("a", {href, textContent: text, target: href[0] === "h" ? "_blank" : ""}) : text);
const plain = (runs) => runs.map(({text}) => text).join("");

const BLOCKS = {
  text: ({runs}) => make("p", {}, ...runs.map(link)),
  list: ({items}) => make("ul", {}, ...items.map((runs) => make("li", {}, ...runs.map(link)))),
  source({runs, translation, originals = []}) {
    const line = [plain(runs), translation ? label("mark", "translation") : ""];
    if (!originals.length) return make("p", {className: "source"}, ...line);
    return make("details", {className: "source"}, make("summary", {}, ...line), ...originals.map(original));
  },
  form(block) {
    const element = make("div", {className: "card"});
    const show = () => more("form", element, block).catch(() => element.replaceChildren(button(label("span", "again"), show)));
    show();
    return element;
  },
};

function original({title, lines, lang, text}) {
  const where = say(make("small"), lines[0] === lines[1] ? "line" : "lines", ...lines);
  return make("figure", {}, make("figcaption", {}, title, " ", where), make("blockquote", {lang}, text));
}

function draw({seq, client_id, sender, lang, at, blocks, offers, masked, votable, helpful}) {
  const time = make("time", {dateTime: at});
  clock(time);
  const node = make("article", {className: "message", lang},
    make("p", {className: "who"}, label("span", sender), " ", time),
    make("div", {className: "body"}, ...blocks.map((block) => BLOCKS[block.type](block))));
  node.dataset.sender = sender;
  if (seq) node.dataset.seq = seq;
  else node.id = client_id;
  if (masked.length) node.append(label("p", "masked", {className: "who"}));
  if (votable) node.append(make("div", {className: "vote"}, label("span", "helpful"), choice(true, helpful), choice(false, helpful)));
  if (offers.length) node.append(make("div", {className: "offers"}, ...offers.map(({id, title}) => button(title, () => press(title, id)))));
  return node;
}

const button = (child, onclick) => make("button", {type: "button", onclick}, child);

function press(text, offer) {
  (matchMedia("(pointer: coarse)").matches ? log : box).focus(); // no keyboard over the answer on a phone
  send(text, offer);
}

/** A button of a vote; what a press does comes with the first. */
const choice = (value, helpful) => Object.assign(button(label("span", value ? "yes" : "no")), {name: "vote", ariaPressed: helpful === value});

const isReading = () => log.scrollTop < Math.min(place.shown, log.scrollHeight - log.clientHeight) - 9 || document.activeElement?.closest(".card");

function scroll() {
  log.scrollTop = all("[data-sender=customer]").pop()?.offsetTop ?? log.scrollHeight;
  place.shown = log.scrollTop;
}

/** Puts a message where its number belongs, those without one at the end; shows the newest, but not past the question it answers. */
function place(node, seq = Infinity) {
  const reading = isReading();
  const next = all(".message").find(({dataset}) => !(dataset.seq <= seq));
  log.insertBefore(node, next ?? null);
  if (!reading || !node.dataset.seq) scroll();
}

function announce({sender, lang, blocks}) {
  const text = blocks.flatMap(({items, runs = []}) => items ?? [runs]).map(plain).join(" ");
  $("live").append(make("p", {}, label("span", sender), " ", make("span", {lang}, text)));
}

/** Brings what depends on the state up to date. */
function refresh() {
  const asked = Math.max(...[...talk.seen].map(([seq, sender]) => (sender === "customer" ? seq : 0)));
  for (const offers of all(".offers")) offers.hidden = outbox.length > 0 || offers.parentNode.dataset.seq < asked;
  $("examples").hidden = talk.seen.size + outbox.length > 0;
  for (const action of all("#actions button")) action.disabled = !talk.token;
  $("composer").hidden = talk.state === "closed";
  const slow = outbox.some(({at}) => Date.now() - new Date(at) > 900);
  if (talk.state === "closed") more("closed").catch(() => {});
  else $("fresh")?.remove();
  say($("status"), cut || !navigator.onLine ? "offline" : slow ? "sending" : talk.working ? "working" : "");
}

// ---- the customer's hands

const length = (text) => [...text].length;

function write(text) {
  box.value = text;
  box.rows = 1;
  while (box.scrollHeight > box.clientHeight && box.rows < 7) box.rows++;
  const count = length(text);
  $("count").textContent = count > 1800 ? `${count} / 2000` : "";
  box.ariaInvalid = count > 2000;
  keepDraft();
}

function submit() {
  const text = box.value.trim();
  if (!text) return;
  if (length(text) > 2000) return notify("long");
  write("");
  send(text);
}

/** The page or the panel came into view, or went out of it. */
function attention() {
  hiddenSince = document.hidden ? Date.now() : 0;
  if (document.hidden) setTimeout(() => document.hidden && listen(), 61000);
  else listen();
  if (opened && unread) tell({madoguchi: "unread", count: (unread = 0)});
}

/** What the page around the frame says; nobody else is heard. */
function hear({source, origin, data}) {
  if (source !== parent || ![location.origin, ...JSON.parse(embedded)].includes(origin)) return;
  host = origin;
  const {madoguchi, token} = data;
  if (madoguchi === "init") (root.dataset.ready ? changed : start)(token);
  if (madoguchi !== "opened" && madoguchi !== "closed") return;
  opened = madoguchi === "opened";
  attention();
  if (opened) box.focus();
}

/** Another tab has begun or ended a conversation. */
function changed(token) {
  if ((token ?? "") === (talk.token ?? "")) return;
  if (!token) return forget("ended");
  clear(token);
  listen();
}

const byInputMethod = (event) => event.isComposing || event.keyCode === 229; // Safari ends the composition before its Enter

function onEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || byInputMethod(event)) return;
  event.preventDefault();
  submit();
}

function onEscape(event) {
  if (event.key === "Escape" && !byInputMethod(event) && !$("sure")?.open && !$("actions")?.matches(":popover-open")) tell({madoguchi: "close"});
}

function start(token) {
  if (root.dataset.ready) return;
  root.dataset.ready = "1";
  const kept = JSON.parse(storage("sessionStorage")) ?? {draft: "", outbox: []};
  outbox = kept.outbox;
  write(kept.draft);
  talk = blank(token);
  listen();
  outbox.forEach(pend);
  flush();
  refresh();
}

function onClick({target}) {
  const pressed = target.closest("button");
  if (pressed?.name) more(pressed.name, pressed).catch(explain);
  else if (pressed?.id === "close") tell({madoguchi: "close"});
  else if (pressed?.parentNode.id === "examples") press(pressed.textContent);
}

$("composer").onsubmit = (event) => {
  event.preventDefault();
  submit();
};
Object.assign(box, {oninput: () => write(box.value), onkeydown: onEnter});
Object.assign(document, {onvisibilitychange: attention, onkeydown: onEscape, onclick: onClick});
new ResizeObserver(() => { // a taller log that shows its end has scrolled back by itself
  if (log.scrollTop + log.clientHeight > log.scrollHeight - 2) place.shown = Math.min(place.shown, log.scrollTop);
}).observe(log);
onoffline = refresh;
ononline = () => {
  wake();
  listen();
};
if (away != null) more("inform").catch(() => {});
if (framed) {
  onmessage = hear;
  parent.postMessage({madoguchi: "ready"}, "*"); // tells nothing; whose page this is shows in the answer
  setTimeout(start, 3000);
} else {
  onstorage = ({key, newValue}) => key === KEY && changed(newValue);
  start(storage("localStorage"));
}

export {all, api, box, button, clock, drop, explain, forget, isReading, json, label, load, make, notify, outbox, page, refresh, say, scroll, site, talk, words, write};
