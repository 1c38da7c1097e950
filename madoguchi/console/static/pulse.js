// On every page of those who take chats: how many wait and what is unread, in the navigation and the title; a sound where it is wished.
// One tab of a browser holds the stream and tells the others; as long as it is open, its account counts as there.
"use strict";
const SILENCE = 25000; // the server is heard every ten seconds
const channel = "BroadcastChannel" in window ? new BroadcastChannel("madoguchi-pulse") : null;
const title = document.title;
let last = null;
let newest = null;

function show(news) {
  last = news;
  const count = news.waiting + news.unread;
  const badge = document.querySelector("[data-badge=chats]");
  badge.textContent = count || "";
  badge.hidden = !count;
  document.title = count ? `(${count}) ${title}` : title;
  document.dispatchEvent(new CustomEvent("madoguchi:pulse", {detail: news}));
}

/** Two short tones, made here: no file is fetched. */
function sound() {
  const audio = new AudioContext();
  for (const [at, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = audio.createOscillator(), loudness = audio.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.08, audio.currentTime + at);
    loudness.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + at + 0.16);
    tone.connect(loudness).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.16);
  }
  setTimeout(() => audio.close(), 1000);
}

function hold() {
  const source = new EventSource("/chats/pulse");
  let heard = Date.now();
  const watch = setInterval(() => Date.now() - heard > SILENCE && again(), 5000);
  const again = () => {
    source.close();
    clearInterval(watch);
    setTimeout(hold, 3000 + Math.random() * 2000);
  };
  source.onerror = again;
  source.addEventListener("beat", () => { heard = Date.now(); });
  source.addEventListener("pulse", ({data}) => {
    heard = Date.now();
    const news = JSON.parse(data);
    if (newest !== null && news.newest > newest && localStorage.getItem("madoguchi-sound") === "1") sound();
    newest = news.newest > (newest ?? "") ? news.newest : newest ?? "";
    show(news);
    channel?.postMessage(news);
  });
}

channel?.addEventListener("message", ({data}) => {
  if (data !== "hello") show(data);
  else if (last) channel.postMessage(last);
});
channel?.postMessage("hello");
if (channel && navigator.locks) navigator.locks.request("madoguchi-pulse", () => new Promise(hold)); // until this tab is closed
else hold();
