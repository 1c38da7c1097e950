/** While staff are called or answer: where the customer stands, who speaks, the way back. Comes with its first use. */
const {search} = new URL(import.meta.url);
const chat = await import(`./chat.js${search}`); // the page's own: the address is the same
const {box, button, explain, json, label, make, say} = chat;
const form = box.form;

let state = "bot";
let said = 0; // when the server was last told that the customer types
let timer = 0;

const told = make("p", {role: "status"});
const types = make("p", {id: "types"});
const back = button(label("span", "leave"), () => json("POST", "conversation/handover", {want: "assistant"}).catch(explain));
const bar = make("div", {id: "staff"}, told, types, back);

/** Takes over a state of the conversation. */
export function show({state: now, queue, typing}) {
  state = now;
  if (state === "queued" || state === "human") {
    if (!bar.parentNode) form.before(bar);
    if (state === "human") say(told, "answering");
    else if (queue) say(told, "queued", queue);
    say(types, typing ? "typing" : "");
  } else if (bar.parentNode) {
    const had = bar.contains(document.activeElement);
    bar.remove();
    if (had) box.focus();
  }
}

/** Lets staff know that the customer types, or has stopped; nothing of what. */
function tell(typing) {
  clearTimeout(timer);
  said = typing ? Date.now() : 0;
  if (typing) timer = setTimeout(tell, 5000, false);
  chat.api("POST", "conversation/typing", {typing}).catch(() => {}); // it is worth no second try
}

function notice() {
  if (!bar.parentNode) return;
  if (!box.value) {
    if (said) tell(false);
  } else if (Date.now() - said > 3000) tell(true);
}

box.addEventListener("input", notice);
form.addEventListener("keyup", () => box.value || notice()); // Enter has sent it
form.addEventListener("click", () => setTimeout(notice));
