const STRINGS = {
  ja: {
    loading: "読み込んでいます", sending: "送信しています", again: "もう一度読み込む", required: "（必須）",
    contact_title: "ご連絡先の入力", code_title: "確認コードの入力", done_title: "ご連絡先をお預かりしました", number_title: "受付番号の入力", state_title: "ご請求の現在の状況",
    name: "お名前", own_name: "お名前（代理の方）", represented_name: "ご本人さまのお名前", email: "メールアドレス", phone: "電話番号", address: "ご住所",
    phone_hint: "市外局番からご入力ください。海外の番号は、＋と国番号からご入力ください。", address_hint: "郵便番号からご入力ください。",
    contact_sealed: "ご入力の内容は、チャットの会話には残りません。", give: "連絡先を送信する",
    code: "確認コード（8桁の数字）", code_on_way: "ご入力のメールアドレスに、8桁の確認コードをお送りします。届きましたら、こちらにご入力ください。", code_to: "送り先：{0}",
    mailbox_only: "このコードで確認できるのは、そのメールアドレスで受信できることのみです。ご本人であることの確認ではありません。",
    card_only: "コードは、チャットの文章としては入力なさらないでください。", prove: "コードを確認する", resend: "コードをもう一度送る", sent_again: "新しいコードをお送りします。前のコードは使えなくなります。", sent_enough: "本日お送りできる回数に達しました。時間をおいてお試しください。", change: "連絡先を入力し直す", to_code: "確認コードの入力に戻る",
    keep_number: "状況をご確認になるときに必要ですので、受付番号をお控えください。",
    ticket: "受付番号", ticket_hint: "Dから始まる番号です。", ask_code: "確認コードを請求する", number_intro: "状況をご確認いただくには、受付番号と、メールでお送りする確認コードが必要です。",
    code_if_right: "受付番号が正しく、メールアドレスの確認がお済みの場合は、そのアドレスに8桁の確認コードをお送りします。届きましたら、こちらにご入力ください。",
    see: "状況を確認する", to_number: "受付番号の入力に戻る", look_again: "もう一度確認する",
    state: "状況", since: "この状況になった日（日本時間）", company: "会社", type: "ご請求の種類",
    missing: "ご入力をお願いいたします。", too_long: "長すぎるため送信できません。短くしてください。", invalid: "この内容は使えません。入力に誤りがないか、ご確認ください。", not_asked: "この欄のご入力は不要です。",
    invalid_email: "メールアドレスとして読み取れません。入力に誤りがないか、ご確認ください。", invalid_phone: "電話番号として読み取れません。市外局番から入力されているか、ご確認ください。", invalid_code: "8桁の数字でご入力ください。",
    wrong_code: "コードを確認できませんでした。メールに書かれたコードと同じか、有効時間が過ぎていないか、ご確認ください。",
    mismatch: "受付番号または確認コードが正しくないか、コードの有効時間が過ぎています。両方をお確かめのうえ、もう一度お試しください。",
    link_refused: "このリンクはお使いになれません。有効期限が過ぎたか、すでに使われたか、途中で切れている可能性があります。",
    reworded: "お知らせの文面が変わりました。お手数ですが、もう一度お読みいただいてから送信してください。ご入力の内容は残っています。",
    seconds: "{0}秒ほどお待ちのうえ、もう一度お試しください。", minutes: "{0}分ほどお待ちのうえ、もう一度お試しください。",
    offline: "接続できませんでした。接続をご確認のうえ、もう一度お試しください。", offline_kept: "接続できませんでした。ご入力の内容はこの画面に残っています。接続をご確認のうえ、もう一度お試しください。",
    failed: "処理できませんでした。もう一度お試しください。",
  },
  en: {
    loading: "Loading", sending: "Sending", again: "Load again", required: " (required)",
    contact_title: "Your contact details", code_title: "Enter the code", done_title: "Contact details recorded", number_title: "Enter your ticket number", state_title: "Where your request stands",
    name: "Your name", own_name: "Your own name", represented_name: "Name of the person you act for", email: "E-mail address", phone: "Telephone number", address: "Postal address",
    phone_hint: "Outside Japan, start with + and the country code.", address_hint: "Include the postcode.",
    contact_sealed: "What you enter here does not become part of the chat.", give: "Send contact details",
    code: "Code (8 digits)", code_on_way: "An 8-digit code goes to the e-mail address you gave. Enter it here when it arrives.", code_to: "To: {0}",
    mailbox_only: "The code only shows that you can read that mailbox. It does not confirm who you are.",
    card_only: "Please do not type it into the chat itself.", prove: "Check the code", resend: "Send a new code", sent_again: "A new code is on its way. The one before no longer works.", sent_enough: "No more codes can be sent today. Please try again later.", change: "Change contact details", to_code: "Back to the code",
    keep_number: "Make a note of the ticket number: you need it to look up where your request stands.",
    ticket: "Ticket number", ticket_hint: "It starts with D.", ask_code: "Request a code", number_intro: "To see where your request stands, you need its ticket number and a code that is sent by e-mail.",
    code_if_right: "If the number is right and its e-mail address has been confirmed, an 8-digit code goes to that address. Enter it here when it arrives.",
    see: "Show the status", to_number: "Back to the ticket number", look_again: "Look it up again",
    state: "Status", since: "Since (date in Japan)", company: "Company", type: "Kind of request",
    missing: "Please fill this in.", too_long: "This is too long. Please shorten it.", invalid: "This cannot be used. Please check it for mistakes.", not_asked: "This is not needed here.",
    invalid_email: "This does not look like an e-mail address. Please check it for mistakes.", invalid_phone: "This does not look like a telephone number. Please include the area code.", invalid_code: "Please enter 8 digits.",
    wrong_code: "The code did not match. Please compare it with the e-mail; it may also have run out.",
    mismatch: "The ticket number or the code is not right, or the code has run out. Please check both and try again.",
    link_refused: "This link does not work. It may have run out, been used already, or been cut short.",
    reworded: "The notice has changed. Please read it once more before you send. What you entered is still here.",
    seconds: "Please try again in {0} seconds.", minutes: "Please try again in about {0} minutes.",
    offline: "No connection. Please check it and try again.", offline_kept: "No connection. What you entered is still here. Please check the connection and try again.",
    failed: "That did not work. Please try again.",
  },
};

const FIELDS = {
  name: {autocomplete: "name"},
  represented_name: {autocomplete: "off"},
  email: {type: "email", autocomplete: "email"},
  phone: {type: "tel", autocomplete: "tel"},
  address: {rows: 3, autocomplete: "street-address"},
  code: {inputMode: "numeric", autocomplete: "one-time-code"},
  ticket: {autocomplete: "off", autocapitalize: "characters", spellcheck: false},
};
const FIELD_OF = {email: "email", phone: "phone", letter: "address"};

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const DASHES = /[\s\-\u2010-\u2015\u2212\u30fc]/g;
const isCode = (text) => /^\d{8}$/.test(text.normalize("NFKC").replace(DASHES, ""));
const inBoth = (text) => ({ja: text, en: text});
const isFinal = ({status}) => status >= 400 && status < 500 && status !== 408;

/** The cards' own rules, which the chat need not load before there is a card. */
const styled = new Promise((done) => {
  const link = Object.assign(document.createElement("link"), {rel: "stylesheet", href: new URL("cards.css", import.meta.url) + new URL(import.meta.url).search});
  link.onload = link.onerror = done;
  document.head.append(link);
});

/**
 * Draws a form card into an element, which gets a method `speak` for when the page's language changes.
 *
 * `form` is "contact" or "status"; `ticket` the number it is about; `link` the secret of a one-time link, which stands in for a
 * conversation; `token` tells the conversation's token. What is typed stays in memory. Settles once there is something to see.
 */
export async function drawCard(element, {form, ...options}) {
  await styled;
  const card = new Card(element, options);
  element.speak = (lang) => card.speak(lang);
  if (form === "status") card.askNumber();
  else await card.begin();
}

class Card {
  id = `card-${Math.random().toString(36).slice(2)}`;
  step = make("div", {className: "step"});
  status = make("p", {role: "status"});
  alert = make("p", {role: "alert"});
  said = new Map(); // element → its words, which follow the language
  typed = {};
  fields = [];
  refused = null; // says in a step's own words that something was refused, and whether it did
  isBusy = false;
  isComposing = false;

  constructor(element, {ticket, link, lang, token}) {
    Object.assign(this, {element, ticket, link, lang, token});
    Object.assign(element, {lang, role: "group"});
    element.setAttribute("aria-labelledby", `${this.id}-title`);
    element.replaceChildren(this.step, this.status, this.alert);
  }

  // ---- words

  /** A phrase of the table, or a text in both languages. */
  phrase(words, values) {
    return (words[this.lang] ?? STRINGS[this.lang][words] ?? "").replace(/{(.)}/g, (_, at) => values[at]);
  }

  fill(element) {
    const {words, values} = this.said.get(element);
    const text = this.phrase(words, values);
    if (element.textContent !== text) element.textContent = text; // setting the same again would announce it again
  }

  say(element, words, ...values) {
    this.said.set(element, {words, values});
    this.fill(element);
    return element;
  }

  label(tag, words, properties, ...values) {
    return this.say(make(tag, properties), words, ...values);
  }

  speak(lang) {
    this.lang = this.element.lang = lang;
    for (const element of this.said.keys()) this.fill(element);
  }

  // ---- the server

  /** Calls the API; a refusal is thrown with its status and what the server says, a lost connection as `offline`. */
  async call(path, body, token) {
    const headers = {"Content-Type": "application/json"};
    if (token) headers.Authorization = `Bearer ${token}`;
    const signal = AbortSignal.timeout(30000);
    const options = {method: "POST", headers, body: JSON.stringify(body), signal, cache: "no-store", credentials: "omit"};
    const response = await fetch(`/api/requests/${path}`, options).catch(() => { throw {offline: true}; });
    const answer = await response.json().catch(() => null);
    if (!response.ok || !answer) throw {status: response.status, ...answer};
    return answer;
  }

  /** Calls the API about the ticket that the conversation or the link gives a right to. */
  callOwn(path, body) {
    const {link, ticket} = this;
    return link ? this.call(path, {link, ...body}) : this.call(path, {ticket, ...body}, this.token());
  }

  /** Does one thing with the server at a time, and explains why it failed. */
  async attempt(words, action) {
    if (this.isBusy) return;
    const {activeElement} = document;
    this.busy(words);
    const error = await action().then(() => null, (thrown) => thrown);
    this.busy(null);
    if (!error) return;
    if (error instanceof Error) throw error; // a mistake of ours
    if (this.step.contains(activeElement)) activeElement.focus(); // a disabled button loses it
    await this.explain(error);
  }

  busy(words) {
    this.isBusy = words !== null;
    if (this.isBusy) this.warn("");
    this.say(this.status, words ?? "");
    for (const button of this.step.querySelectorAll("button")) button.disabled = this.isBusy;
    for (const {input} of this.fields) input.readOnly = this.isBusy;
  }

  // ---- what went wrong

  warn(words, ...values) {
    this.say(this.alert, words, ...values);
    if (words) this.alert.scrollIntoView({block: "nearest"});
    return true;
  }

  async explain(refusal) {
    const {error, message, offline, problems, retry_after: wait} = refusal;
    if (error === "notice_outdated") await this.askAnew();
    else if (error === "already_given") await this.begin();
    else if (wait > 90) this.warn("minutes", Math.ceil(wait / 60));
    else if (wait) this.warn("seconds", wait);
    else if (offline) this.warn(this.fields.length ? "offline_kept" : "offline");
    else if (!isFinal(refusal) || !this.refused?.(error)) {
      if (!this.blame(problems ?? {})) this.warn(message?.[this.lang] ? message : "failed");
    }
    if (!this.step.hasChildNodes() && (wait || !isFinal(refusal))) this.step.append(this.button("again", () => this.begin()));
  }

  /** Says at the fields what is wrong with them; whether there was any. */
  blame(problems) {
    const wrong = this.fields.filter(({name}) => problems[name]);
    for (const {name, input, problem} of this.fields) {
      const kind = problems[name] ?? "";
      this.say(problem, [`${kind}_${name}`, kind].find((words) => words in STRINGS.ja) ?? (kind && "invalid"));
      input.ariaInvalid = Boolean(kind);
    }
    wrong[0]?.input.focus();
    return wrong.length > 0;
  }

  // ---- building

  /** Shows a step in place of the one before; the focus goes along, except to the first. */
  show(title, children, {fields = [], refused = null} = {}) {
    const isMove = this.step.hasChildNodes();
    const heading = this.label("h2", title, {id: `${this.id}-title`, tabIndex: -1});
    this.step.replaceChildren(heading, ...children.filter(Boolean));
    for (const element of this.said.keys()) if (!this.element.contains(element)) this.said.delete(element);
    Object.assign(this, {fields, refused});
    this.warn("");
    if (isMove) (fields.length === 1 ? fields[0].input : heading).focus();
  }

  button(words, onclick) {
    return this.label("button", words, {type: "button", onclick});
  }

  /** A labelled field; what was typed into it before is there again. */
  field(name, {words = name, hint, intro} = {}) {
    const id = `${this.id}-${name}`;
    const input = make(FIELDS[name].rows ? "textarea" : "input", {id, name, ...FIELDS[name], value: this.typed[name] ?? ""});
    const problem = make("p", {id: `${id}-problem`, className: "problem"});
    const help = hint && this.label("p", hint, {id: `${id}-hint`, className: "hint"});
    input.setAttribute("aria-describedby", [intro, help, problem].filter(Boolean).map((element) => element.id).join(" "));
    input.addEventListener("input", () => { this.typed[name] = input.value; });
    const label = make("label", {htmlFor: id}, this.label("span", words), this.label("small", "required"));
    return {name, input, problem, node: make("div", {className: "field"}, label, help || "", input, problem)};
  }

  form(fields, words, send, ...others) {
    const buttons = make("div", {className: "buttons"}, this.label("button", words), ...others.filter(Boolean));
    const form = make("form", {noValidate: true, method: "post"}, ...fields.map(({node}) => node), buttons);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(send);
    });
    form.addEventListener("compositionstart", () => { this.isComposing = true; });
    form.addEventListener("compositionend", () => { this.isComposing = false; });
    form.addEventListener("keydown", (event) => { // Safari ends the composition before its Enter
      if (event.key === "Enter" && (event.isComposing || this.isComposing || event.keyCode === 229)) event.preventDefault();
    });
    return form;
  }

  async submit(send) {
    if (this.isBusy) return;
    const values = Object.fromEntries(this.fields.map(({name, input}) => [name, input.value.trim()]));
    Object.assign(this.typed, values);
    const problems = {};
    for (const [name, value] of Object.entries(values)) {
      if (!value) problems[name] = "missing";
      else if (name === "code" && !isCode(value)) problems[name] = "invalid";
    }
    this.warn("");
    if (!this.blame(problems)) await this.attempt("sending", () => send(values));
  }

  /** A list of terms and what they are: words of the table or of the server. */
  facts(facts) {
    const pairs = Object.entries(facts).filter(([, words]) => words);
    return make("dl", {}, ...pairs.flatMap(([term, words]) => [this.label("dt", term), this.label("dd", words)]));
  }

  /** Paragraphs before a form, read out with its field. */
  intro(...paragraphs) {
    return make("div", {id: `${this.id}-intro`}, ...paragraphs.filter(Boolean).map(([words, ...values]) => this.label("p", words, {}, ...values)));
  }

  // ---- contact details

  isLinkRefused = (error) => this.link && error === "refused" && this.warn("link_refused");

  /** Asks the server which step the ticket is at, and goes there. */
  async begin() {
    this.refused ??= this.isLinkRefused;
    await this.attempt("loading", async () => {
      await this.readNotice();
      this.advance(this.notice);
    });
  }

  async readNotice() {
    const {lang} = this;
    this.notice = {...await this.callOwn("notice", {lang}), lang};
  }

  advance({step, state}) {
    if (step === "contact") this.askContact();
    else if (step === "code") this.askCode();
    else this.tellDone(state);
  }

  about() {
    const {ticket, company, type} = this.notice;
    return this.facts({ticket: inBoth(ticket), company, type});
  }

  askContact(isChange = false) {
    const {text, channel, relation} = this.notice;
    const isOwn = relation === "self";
    const contact = FIELD_OF[channel];
    const hint = `${contact}_hint`;
    const fields = [this.field("name", isOwn ? {} : {words: "own_name"}), this.field(contact, {hint: hint in STRINGS.ja ? hint : null})];
    if (!isOwn) fields.splice(1, 0, this.field("represented_name"));
    const back = isChange && this.button("to_code", () => this.askCode());
    const form = this.form(fields, "give", (values) => this.giveContact(values), back);
    const sealed = !this.link && this.label("p", "contact_sealed", {className: "hint"});
    this.show("contact_title", [this.about(), this.label("p", text, {className: "purpose"}), sealed, form], {fields, refused: this.isLinkRefused});
    this.isChange = isChange;
  }

  /** Sends the contact details with the version of the notice in the language it was read in. */
  async giveContact(values) {
    const {lang} = this;
    const read = this.notice.text[lang];
    if (this.notice.lang !== lang) await this.readNotice();
    if (this.notice.text[lang] !== read) throw {error: "notice_outdated"};
    this.advance(await this.callOwn("contact", {lang, notice: this.notice.version, ...values}));
  }

  /** The notice was reworded: shows it with the fields as they were. */
  askAnew() {
    return this.attempt("loading", async () => {
      await this.readNotice();
      this.askContact(this.isChange);
      this.warn("reworded");
    });
  }

  askCode() {
    this.typed.code = "";
    const {email} = this.typed;
    const intro = this.intro(["code_on_way"], email && ["code_to", email], ["mailbox_only"], !this.link && ["card_only"]);
    const field = this.field("code", {intro});
    const change = this.button("change", () => this.askContact(true));
    const again = this.button("resend", () => this.attempt("sending", async () => {
      const {code_sent: sent} = await this.callOwn("resend", {lang: this.lang});
      this.warn(sent ? "sent_again" : "sent_enough");
    }));
    const form = this.form([field], "prove", async ({code}) => this.advance(await this.callOwn("code", {code})), again, change);
    const refused = (error) => error === "refused" && this.blame({code: "wrong_code"});
    this.show("code_title", [this.about(), intro, form], {fields: [field], refused});
  }

  tellDone(state) {
    this.typed = {};
    const {ticket, company, type} = this.notice;
    const facts = this.facts({ticket: inBoth(ticket), company, type, state: state?.label});
    this.show("done_title", [facts, this.label("p", "keep_number")]);
  }

  // ---- status

  askNumber() {
    this.typed.ticket ??= this.ticket ?? "";
    const intro = this.intro(["number_intro"]);
    const field = this.field("ticket", {hint: "ticket_hint", intro});
    const form = this.form([field], "ask_code", async ({ticket}) => {
      await this.call("status-code", {ticket, lang: this.lang});
      this.askStatusCode();
    });
    this.show("number_title", [intro, form], {fields: [field]});
  }

  /** Says the same whether or not there is such a ticket. */
  askStatusCode() {
    this.typed.code = "";
    const {ticket} = this.typed;
    const intro = this.intro(["code_if_right"], ["mailbox_only"], this.token && ["card_only"]);
    const field = this.field("code", {intro});
    const back = this.button("to_number", () => this.askNumber());
    const form = this.form([field], "see", async ({code}) => this.tellStatus(await this.call("status", {ticket, code})), back);
    const refused = () => {
      field.input.focus();
      return this.warn("mismatch");
    };
    this.show("code_title", [this.facts({ticket: inBoth(ticket)}), intro, form], {fields: [field], refused});
  }

  tellStatus({state, since, company, type}) {
    const dateIn = (lang) => new Date(since).toLocaleDateString(lang, {timeZone: "Asia/Tokyo", dateStyle: "long"});
    const facts = {ticket: inBoth(this.typed.ticket), state: state.label, since: {ja: dateIn("ja"), en: dateIn("en")}, company, type};
    this.typed.code = "";
    this.show("state_title", [this.facts(facts), make("div", {className: "buttons"}, this.button("look_again", () => this.askNumber()))]);
  }
}
