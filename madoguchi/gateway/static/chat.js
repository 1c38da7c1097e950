const STRINGS = {
  ja: {
    title: "個人情報の窓口", other: "English", menu: "メニュー", close: "閉じる", log: "会話", input: "ご質問を入力", send: "送信",
    assistant: "自動応答", person: "担当者", customer: "お客様", system: "お知らせ",
    about: "{0}が運営する自動応答の窓口です。公開されているプライバシーポリシーに書かれていることをお答えします。",
    careful: "お名前やご連絡先などの個人情報は、入力なさらないでください。", kept: "記録の内容と保存期間", examples: "ご質問の例",
    q1: "個人情報は何に使われますか", q2: "第三者に提供されますか", q3: "開示を請求するにはどうすればよいですか", q4: "問い合わせ窓口を教えてください",
    save: "会話を保存", end: "終了して削除", sure: "会話を終了し、記録をすべて削除します。元に戻すことはできません。", back: "戻る", fresh: "新しい会話を始める",
    deleted: "会話を削除しました（メッセージ{0}件、自動応答の記録{1}件）。", later: "自動応答の記録は、つながり次第削除します。",
    ended: "前の会話は終了しました。新しくお尋ねいただけます。", sending: "送信しています", offline: "接続が切れています。つなぎ直しています", working: "回答を用意しています",
    starting: "自動応答を準備しています。ご質問はお預かりし、準備ができ次第お答えします。", failing: "ただいま自動応答につながりません。ご質問はお預かりし、つながり次第お答えします。",
    masked: "個人情報と思われる部分を伏せました。", translation: "訳", line: "{0}行目", lines: "{0}〜{1}行目",
    helpful: "お役に立ちましたか", yes: "はい", no: "いいえ", thanks: "ありがとうございました。", alone: "ご質問の文面は、評価と一緒には保存しません。", include: "文面も評価に添える", included: "文面も評価に添えました。",
    again: "入力欄を表示できませんでした。もう一度表示する", long: "2,000文字以内でお願いいたします。", wait: "{0}秒ほど待って、もう一度お試しください。", failed: "処理できませんでした。もう一度お試しください。",
  },
  en: {
    title: "Privacy questions", other: "日本語", menu: "Menu", close: "Close", log: "Conversation", input: "Type your question", send: "Send",
    assistant: "Automated assistant", person: "Staff", customer: "You", system: "Notice",
    about: "An automated assistant, run by {0}, that answers from published privacy policies.",
    careful: "Please do not enter personal data such as names or contact details.", kept: "What is kept, and how long", examples: "You could ask",
    q1: "What is my personal data used for?", q2: "Is it shared with third parties?", q3: "How do I ask for disclosure of my data?", q4: "Whom can I contact?",
    save: "Save transcript", end: "End and delete", sure: "This ends the conversation and deletes its records. It cannot be undone.", back: "Go back", fresh: "Start a new conversation",
    deleted: "The conversation is deleted ({0} messages, {1} records of the assistant).", later: "The assistant cannot be reached; its records go as soon as it can.",
    ended: "The earlier conversation has ended. You can start a new one.", sending: "Sending", offline: "Connection lost. Reconnecting", working: "Preparing an answer",
    starting: "The assistant is starting. Your question is kept and answered once it is ready.", failing: "The assistant cannot be reached. Your question is kept and answered once it is back.",
    masked: "What looked like personal data was masked.", translation: "our translation", line: "line {0}", lines: "lines {0}–{1}",
    helpful: "Was this helpful?", yes: "Yes", no: "No", thanks: "Thank you.", alone: "Your question is not kept with the vote.", include: "Include my question", included: "Your question is kept with the vote.",
    again: "The form could not be shown. Try again", long: "Please keep it to 2,000 characters.", wait: "Please try again in {0} seconds.", failed: "That did not work. Please try again.",
  },
};

const root = document.documentElement;
const {site, origins, embedded} = document.body.dataset;
const framed = embedded != null && parent !== window;
const KEY = `madoguchi:${site}`;
const $ = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const log = $("log"), box = $("text");

let lang = root.lang;
let host = null; // origin of the page around the frame, once it has answered
let opened = !framed;
let unread = 0;
let hiddenSince = 0;
let cut = false;
let switching = false;
let composing = false;
let outbox = [];
let chosen = false; // whether the customer chose the page's language

// ---- words

/** A phrase of the table, or a text of the server in both languages, in the page's language. */
const phrase = (words, values = []) => (words[lang] ?? STRINGS[lang][words] ?? "").replace(/{(.)}/g, (_, at) => values[at][lang] ?? values[at]);

function fill(element) {
  element.lang = lang;
  const text = phrase(element.words ?? element.dataset.t, element.values);
  if (element.textContent !== text) element.textContent = text; // setting the same again would announce it again
}

/** Gives an element words that follow the language of the page. */
function say(element, words, ...values) {
  Object.assign(element, {words, values});
  element.dataset.t = "";
  fill(element);
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
  time.textContent = date.toLocaleString(lang, {...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23"});
}

function speak(language) {
  lang = root.lang = language;
  all("[data-t]").forEach(fill);
  all("[data-label]").forEach((element) => element.setAttribute("aria-label", phrase(element.dataset.label)));
  all("time").forEach(clock);
  all(".card").forEach((card) => card.speak?.(lang));
  $("language").lang = lang === "ja" ? "en" : "ja";
  $("kept").href = `/kept?lang=${lang}`;
  box.placeholder = phrase("input");
  document.title = phrase("title");
}

// ---- what this browser remembers

/** Reads a storage, or writes it; where that is denied, memory has to do. */
function storage(name, value) {
  try {
    if (value === undefined) return window[name].getItem(KEY);
    if (value) window[name].setItem(KEY, value);
    else window[name].removeItem(KEY);
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
  const response = await fetch(`/api/${path}`, {method, headers, body: body && JSON.stringify(body), signal, cache: "no-store", credentials: "omit"});
  if (!response.ok) throw {status: response.status, ...await response.json().catch(() => null)};
  return response;
}

const json = async (...call) => (await api(...call)).json();
const isGone = ({status}) => [401, 404, 410].includes(status);
const isFinal = ({status}) => status < 500 && status !== 408;

function explain(error) {
  if (isGone(error)) forget("ended");
  else if (error.retry_after) notify("wait", error.retry_after);
  else notify(error.message?.[lang] ? error.message : "failed");
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
function apply({state, working, lang: language, last_seq: last}) {
  Object.assign(talk, {state, working, last: Math.max(talk.last, last)});
  if (language !== lang && !switching) speak(language);
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
  const item = {client_id: Array.from(bytes, (byte) => byte.toString(36)).join(""), text, offer, at: new Date().toISOString()};
  outbox.push(item);
  keepDraft();
  notify("");
  pend(item);
  setTimeout(refresh, 1000);
  wake();
  flush();
}

function pend({client_id, text, at}) {
  place(draw({client_id, sender: "customer", lang, at, blocks: [{type: "text", runs: [{text}]}], offers: [], masked: []}));
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
      if (!chosen && !offer && message.lang !== lang) await switchLanguage(false);
      tries = 0;
    } catch (error) {
      if (!outbox.includes(item)) continue;
      if (!isFinal(error)) await backoff(tries++);
      else {
        if (!isGone(error)) drop(client_id);
        if (!isGone(error) && !offer) write([text, box.value].join("\n").trim());
        explain(error);
      }
    }
    refresh();
  }
  flush.busy = false;
}

async function begin() {
  const {token, conversation} = await json("POST", "conversations", {site: site || null, lang});
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
  signal.addEventListener("abort", stop);
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
      const events = (rest + value).replaceAll("\r", "").split("\n\n");
      rest = events.pop();
      events.forEach(heed);
    }
  } finally {
    clearTimeout(timer);
  }
}

function heed(event) {
  const {type, data} = Object.fromEntries([...event.matchAll(/^(event|data): ?(.*)/gm)].map(([, name, value]) => [name === "event" ? "type" : name, value]));
  if (type === "gone") throw {status: 410};
  if (type === "message") receive(JSON.parse(data));
  if (type === "state") apply(JSON.parse(data));
  refresh();
}

function connected(yes) {
  cut = !yes;
  refresh();
}

/** Who operates this, and whether the assistant can answer; asked again until it can. */
async function inform() {
  const info = await json("GET", `info?${new URLSearchParams(site && {site})}`).catch(() => null);
  if (info) {
    say($("about"), "about", info.operator);
    say($("place"), info.sites.find(({id}) => id === info.site)?.name ?? "assistant");
    const ready = info.assistant === "ready";
    say($("ready"), ready ? "" : info.assistant);
    if (ready || !info.contact) say($("contact"), "");
    else say($("contact"), info.contact);
    if (ready) return;
  }
  setTimeout(inform, 10000);
}

// ---- showing

const link = ({text, href}) => (/^(https|mailto|tel):/.test(href) ? make("a", {href, textContent: text, rel: "noopener", target: href[0] === "h" ? "_blank" : ""}) : text);
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
    drawForm(element, block);
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
  if (votable) node.append(vote(seq, helpful));
  if (offers.length) node.append(make("div", {className: "offers"}, ...offers.map(({id, title}) => button(title, () => press(title, id)))));
  return node;
}

const button = (child, onclick) => make("button", {type: "button", onclick}, child);

function press(text, offer) {
  (matchMedia("(pointer: coarse)").matches ? log : box).focus(); // no keyboard over the answer on a phone
  send(text, offer);
}

function vote(seq, helpful) {
  const said = make("span", {ariaLive: "polite"});
  const yes = button(label("span", "yes"), () => cast(true));
  const no = button(label("span", "no"), () => cast(false));
  const more = button(label("span", "include"), () => cast(false, true));
  const show = (choice, words) => {
    yes.ariaPressed = choice === true;
    no.ariaPressed = choice === false;
    if (more === document.activeElement) no.focus();
    more.hidden = choice !== false || words;
  };
  const cast = async (choice, words = false) => {
    try {
      await api("PUT", `conversation/messages/${seq}/feedback`, {helpful: choice, with_words: words});
      show(choice, words);
      say(said, choice ? "thanks" : words ? "included" : "alone");
    } catch (error) {
      explain(error);
    }
  };
  show(helpful, true);
  return make("div", {className: "vote"}, label("span", "helpful"), yes, no, said, more);
}

/** Draws a form card; its code comes with the first one. A copy that could not be loaded is asked for under another name. */
async function drawForm(element, {form, ticket}, tries = 0) {
  const cards = await import(`./cards.js${new URL(import.meta.url).search}#${tries}`).catch(() => null);
  if (cards) await cards.drawCard(element, {form, ticket, lang, token: () => talk.token});
  else element.replaceChildren(button(label("span", "again"), () => drawForm(element, {form, ticket}, tries + 1)));
  if (!isReading()) scroll();
}

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
  $("save").disabled = $("end").disabled = !talk.token;
  $("composer").hidden = talk.state === "closed";
  $("fresh").hidden = talk.state !== "closed";
  const slow = outbox.some(({at}) => Date.now() - new Date(at) > 900);
  if (talk.state === "closed") say($("notice"), "ended");
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

/** Turns the page to the other language: by its button for good, else with the language the customer writes in. */
async function switchLanguage(isChosen = true) {
  chosen ||= isChosen;
  speak(lang === "ja" ? "en" : "ja");
  const url = new URL(location);
  url.searchParams.set("lang", lang);
  history.replaceState(null, "", url);
  if (!talk.token) return;
  switching = true;
  await api("PATCH", "conversation", {lang}).catch(() => {});
  switching = false;
}

async function save() {
  try {
    const href = URL.createObjectURL(await (await api("GET", "conversation/transcript")).blob());
    make("a", {href, download: `madoguchi-${new Date().toISOString().slice(0, 10)}.txt`}).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
  } catch (error) {
    explain(error);
  }
}

async function erase() {
  const here = talk; // the stream hears of it too, and maybe first
  try {
    const {messages, events, pending} = await json("DELETE", "conversation");
    if (talk !== here) return notify("deleted", messages, events);
    outbox = [];
    write("");
    forget("deleted", messages, events);
    if (pending) $("notice").append(" ", label("span", "later"));
  } catch (error) {
    explain(error);
  }
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
  if (source !== parent || ![location.origin, ...JSON.parse(origins)].includes(origin)) return;
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

const byInputMethod = (event) => event.isComposing || composing || event.keyCode === 229; // Safari ends the composition before its Enter

function onEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || byInputMethod(event)) return;
  event.preventDefault();
  submit();
}

function onEscape(event) {
  if (event.key !== "Escape" || byInputMethod(event) || $("sure").open) return;
  if (!$("actions").open) return tell({madoguchi: "close"});
  $("actions").open = false;
  $("menu").focus();
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

const on = (target, handlers) => Object.entries(handlers).forEach(([name, handler]) => target.addEventListener(name, handler));

on($("composer"), {submit: (event) => { event.preventDefault(); submit(); }});
on(box, {
  input: () => write(box.value),
  keydown: onEnter,
  compositionstart: () => { composing = true; },
  compositionend: () => { composing = false; },
});
on($("language"), {click: () => switchLanguage()});
on($("save"), {click: save});
on($("end"), {click: () => $("sure").showModal()});
on($("sure"), {close({target}) {
  if (target.returnValue) erase();
  target.returnValue = "";
  box.focus();
}});
on($("fresh"), {click: () => { forget(""); box.focus(); }});
on($("close") ?? new EventTarget(), {click: () => tell({madoguchi: "close"})});
on(document, {visibilitychange: attention, keydown: onEscape, click: ({target}) => { if (!$("menu").contains(target)) $("actions").open = false; }});
new ResizeObserver(() => { // a taller log that shows its end has scrolled back by itself
  if (log.scrollTop + log.clientHeight > log.scrollHeight - 2) place.shown = Math.min(place.shown, log.scrollTop);
}).observe(log);
on(window, {online: () => { wake(); listen(); }, offline: refresh});
for (const words of ["q1", "q2", "q3", "q4"]) $("examples").append(button(label("span", words), () => press(phrase(words))));
speak(lang);
inform();
if (framed) {
  on(window, {message: hear});
  parent.postMessage({madoguchi: "ready"}, "*"); // tells nothing; whose page this is shows in the answer
  setTimeout(start, 3000);
} else {
  on(window, {storage: ({key, newValue}) => key === KEY && changed(newValue)});
  start(storage("localStorage"));
}
