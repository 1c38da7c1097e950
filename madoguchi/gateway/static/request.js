const root = document.documentElement;
const $ = (id) => document.getElementById(id);
const mode = $("card").dataset.mode;

/** The secret of the one-time link, which does not stay in the address bar or the history. */
function takeSecret() {
  const secret = location.hash.slice(1);
  if (secret) history.replaceState(null, "", location.pathname + location.search);
  return secret;
}

async function draw() {
  const link = mode === "contact" ? takeSecret() : null;
  if ($("unlinked")) $("unlinked").hidden = Boolean(link);
  if (mode === "contact" && !link) return;
  const cards = await import(`./cards.js${new URL(import.meta.url).search}`).catch(() => null);
  $("unloaded").hidden = Boolean(cards);
  await cards?.drawCard($("card"), {form: mode, link, lang: root.lang});
}

function speak(lang) {
  root.lang = lang;
  for (const element of document.querySelectorAll("[data-in]")) element.hidden = element.dataset.in !== lang;
  document.title = $("title").innerText;
  $("card").speak?.(lang);
}

$("language").addEventListener("click", () => {
  speak(root.lang === "ja" ? "en" : "ja");
  const url = new URL(location);
  url.searchParams.set("lang", root.lang);
  history.replaceState(null, "", url);
});
addEventListener("hashchange", () => { if (location.hash) draw(); });
draw();
