/** What few customers do: voting, keeping and deleting the conversation, the other language. Comes with its first use. */
const {search} = new URL(import.meta.url);
const chat = await import(`./chat.js${search}`); // the page's own: the address is the same
const {all, api, button, explain, label, make, notify, say} = chat;
const $ = (id) => document.getElementById(id);
const root = document.documentElement;

// ---- words

let wanted = root.lang; // the language that the page has, or will have once its words are there

const tables = {};

/** All words of a language. */
async function table(lang) {
  if (tables[lang]) return tables[lang];
  const response = await fetch(new URL(`words.${lang}.json${search}`, import.meta.url), {signal: AbortSignal.timeout(30000), credentials: "omit"});
  if (!response.ok) throw {status: response.status};
  const {page, now, later} = await response.json();
  return (tables[lang] = {...page, ...now, ...later});
}

/** The rules for what is drawn here. */
const styled = new Promise((done) => {
  const link = make("link", {rel: "stylesheet", href: new URL(`more.css${search}`, import.meta.url)});
  link.onload = link.onerror = done;
  document.head.append(link);
});

const [own] = await Promise.all([table(wanted), styled]);
Object.assign(chat.words, own);

/** Where the page itself has its words. */
const PLACES = {"h1 span": "title", "#language": "language", "#intro span": "careful", "#kept": "kept", "#send": "send"};

const again = (element) => say(element, element.says, ...element.values);

let info;

/** What the server says in both languages: who operates this, of which site, and whether the assistant can answer. */
async function learn() {
  info = await chat.json("GET", `info?${new URLSearchParams(chat.site && {site: chat.site})}`).catch(() => info);
}

/** Turns the page to a language. */
export async function speak(lang) {
  wanted = lang;
  if (lang === root.lang) return;
  try {
    await Promise.all([table(lang), info || learn()]);
  } catch (error) {
    wanted = root.lang;
    throw error;
  }
  if (lang !== wanted || lang === root.lang) return; // another was wanted meanwhile
  root.lang = lang;
  const words = Object.assign(chat.words, tables[lang]);
  all("[data-t]").forEach(again);
  for (const [selector, name] of Object.entries(PLACES)) document.querySelector(selector).textContent = words[name];
  [...$("examples").children].forEach((element, number) => { element.textContent = words[`q${number}`]; });
  for (const id of ["menu", "close", "log"]) $(id)?.setAttribute("aria-label", words[id]);
  if (info) {
    say($("about"), "about", info.operator);
    say($("place"), info.sites.find(({id}) => id === info.site)?.name ?? "assistant");
  }
  all("time").forEach(chat.clock);
  for (const card of all(".card")) card.speak?.(lang);
  $("language").lang = lang === "ja" ? "en" : "ja";
  $("kept").href = `/kept?lang=${lang}`;
  chat.box.placeholder = chat.box.ariaLabel = words.input;
  document.title = words.title;
}

/** Turns the page to the language that the customer writes in, and has the server and the address follow. */
export async function follow(lang) {
  await speak(lang);
  if (lang !== root.lang) return;
  const url = new URL(location);
  url.searchParams.set("lang", lang);
  history.replaceState(null, "", url);
  if (!chat.talk.token) return;
  chat.page.switching = true;
  await api("PATCH", "conversation", {lang}).catch(() => {});
  chat.page.switching = false;
}

/** Turns the page to the other language for good. */
export function language() {
  chat.page.chosen = true;
  return follow(wanted === "ja" ? "en" : "ja");
}

/** Says that the assistant cannot answer now, and whom to ask meanwhile, until it can. */
export async function inform() {
  await learn();
  const isReady = info?.assistant === "ready";
  if (info) say($("ready"), isReady ? "" : info.assistant);
  say($("contact"), (!isReady && info?.contact) || "");
  if (!isReady) setTimeout(inform, 10000);
}

// ---- votes

const choices = ({parentNode}) => [...parentNode.querySelectorAll("[name=vote]")];

/** Keeps a vote: of the two buttons the first is a yes. */
export async function vote(pressed, withWords = false) {
  const row = pressed.parentNode;
  const [yes, no] = choices(pressed);
  const said = row.querySelector("[aria-live]") ?? make("span", {ariaLive: "polite"});
  const more = row.querySelector("[data-more]") ?? button(label("span", "include"), () => vote(no, true).catch(explain));
  more.dataset.more = "";
  if (!said.parentNode) {
    more.hidden = true;
    row.append(said, more);
  }
  const helpful = pressed === yes;
  await api("PUT", `conversation/messages/${row.parentNode.dataset.seq}/feedback`, {helpful, with_words: withWords});
  yes.ariaPressed = helpful;
  no.ariaPressed = !helpful;
  if (more === document.activeElement) no.focus();
  more.hidden = helpful || withWords;
  say(said, helpful ? "thanks" : withWords ? "included" : "alone");
}

// ---- the conversation as a whole

/** An element that does one of the things here. */
function item(id) {
  return say(make("button", {id, name: id}), id);
}

/** Opens the menu; from then on its button does so by itself. */
export async function menu(opener) {
  await new Promise(setTimeout); // until the click is over: it would close the menu again
  const actions = make("div", {id: "actions", popover: "auto"}, item("save"), item("end"));
  opener.after(actions);
  opener.popoverTargetElement = actions;
  opener.name = "";
  actions.addEventListener("toggle", ({newState}) => { opener.ariaExpanded = newState === "open"; });
  chat.refresh();
  actions.showPopover();
}

/** Keeps a transcript. */
export async function save() {
  const href = URL.createObjectURL(await (await api("GET", "conversation/transcript")).blob());
  make("a", {href, download: `madoguchi-${new Date().toISOString().slice(0, 10)}.txt`}).click();
  setTimeout(() => URL.revokeObjectURL(href), 60000);
}

/** Asks whether the conversation is to be deleted. */
export function end() {
  $("actions").hidePopover();
  if (!$("sure")) document.body.append(question());
  $("sure").showModal();
}

function question() {
  const choice = (value, words) => say(make("button", {value}), words);
  const form = make("form", {method: "dialog"}, choice("", "back"), choice("end", "end"));
  const dialog = make("dialog", {id: "sure"}, label("p", "sure", {id: "what"}), form);
  dialog.setAttribute("aria-labelledby", "what");
  dialog.addEventListener("close", () => {
    if (dialog.returnValue) erase().catch(explain);
    dialog.returnValue = "";
    chat.box.focus();
  });
  return dialog;
}

async function erase() {
  const here = chat.talk; // the stream hears of it too, and maybe first
  const {messages, events, pending} = await chat.json("DELETE", "conversation");
  if (chat.talk !== here) return notify("deleted", messages, events);
  for (const {client_id: id} of chat.outbox) chat.drop(id);
  chat.write("");
  chat.forget("deleted", messages, events);
  if (pending) $("notice").append(" ", label("span", "forgotten"));
}

/** Offers a new conversation in place of one that is closed. */
export function closed() {
  if (chat.talk.state !== "closed" || $("fresh")) return;
  notify("ended");
  $("foot").append(item("fresh"));
}

/** Leaves a closed conversation. */
export function fresh() {
  chat.forget("");
  chat.box.focus();
}

// ---- forms

/** Draws a form card; its code comes with the first one. */
export async function form(element, {form: kind, ticket}) {
  const cards = await chat.load("cards");
  await cards.drawCard(element, {form: kind, ticket, lang: root.lang, token: () => chat.talk.token});
  if (!chat.isReading()) chat.scroll();
}

// What was to be said before its words were here.
all("[data-t]").forEach(again);
