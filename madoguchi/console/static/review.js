// The review: j and k go through the questions, typing finds the clause, Enter goes on to the next field. Without it, links and the form do.
import { composing, onKey } from "./console.js";

const list = document.getElementById("questions");
const panel = document.getElementById("panel");
let isBrowsing = false; // by j and k, which go on working as long as no field takes the focus
const links = () => [...(list?.querySelectorAll("a") ?? [])];
const folded = (text) => text.normalize("NFKC").toLowerCase();

const current = () => links().findIndex((link) => link.hasAttribute("aria-current"));

function mark(to) {
  for (const link of links()) link.removeAttribute("aria-current");
  to.setAttribute("aria-current", "true");
}

function go(by) {
  const all = links();
  const to = all[Math.min(Math.max(current() + by, 0), all.length - 1)];
  if (!to) return;
  to.focus();
  to.click();
}

/** The clauses of a select, to be narrowed by words and topic. */
function prepare() {
  const item = panel?.querySelector(".item");
  if (!item) return;
  const form = item.querySelector("form");
  const at = links().findIndex((link) => link.dataset.id === item.dataset.item);
  form.elements.next.value = links()[at + 1]?.dataset.id ?? "";
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !composing(event)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("#accept"));
    }
  });
  const wording = form.querySelector("#wording");
  wording.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || composing(event)) return;
    event.preventDefault();
    const accept = form.querySelector("#accept");
    if (accept) form.requestSubmit(accept);
  });
  const entry = form.querySelector("#entry");
  if (!entry) return;
  const [finding, find, topic, count, says] = ["finding", "find", "topic", "count", "says"].map((id) => form.querySelector(`#${id}`));
  finding.hidden = false;
  // Safari shows hidden options: those that do not fit are taken out, and put back.
  const groups = [...entry.children].map((group) => ({ group, options: [...group.children] }));
  const haystack = new Map(groups.flatMap(({ options }) => options).map((option) => [option, folded(`${option.textContent} ${option.dataset.words} ${option.dataset.says}`)]));
  const tell = () => {
    const chosen = entry.selectedOptions[0];
    says.replaceChildren();
    if (!chosen) return;
    says.append(Object.assign(document.createElement("b"), { textContent: says.dataset.label }), chosen.dataset.says);
  };
  const narrow = () => {
    const wanted = folded(find.value).split(/\s+/).filter(Boolean);
    const fits = (option) => (!topic.value || option.dataset.topic === topic.value) && wanted.every((word) => haystack.get(option).includes(word));
    const kept = entry.value;
    const found = new Set();
    entry.replaceChildren(
      ...groups.flatMap(({ group, options }) => {
        const fitting = options.filter(fits);
        for (const option of fitting) found.add(option.value);
        group.replaceChildren(...fitting);
        return fitting.length ? [group] : [];
      }),
    );
    const narrowed = wanted.length > 0 || topic.value !== "";
    if (found.has(kept)) entry.value = kept;
    else if (narrowed && entry.options.length) entry.selectedIndex = 0;
    count.textContent = !found.size ? count.dataset.none : narrowed ? count.dataset.found.replace("{}", found.size) : "";
    tell();
  };
  find.addEventListener("input", (event) => { if (!event.isComposing) narrow(); });
  find.addEventListener("compositionend", narrow);
  topic.addEventListener("change", narrow);
  entry.addEventListener("change", tell);
  find.addEventListener("keydown", (event) => {
    if (composing(event) || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown" && entry.options.length) {
      event.preventDefault();
      if (entry.selectedIndex < 0) entry.selectedIndex = 0;
      entry.focus();
      tell();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (entry.selectedIndex < 0 && entry.options.length) entry.selectedIndex = 0;
      tell();
      (entry.options.length ? wording : find).focus();
    } else if (event.key === "Escape") {
      if (!find.value) return links()[current()]?.focus();
      find.value = "";
      narrow();
    }
  });
  entry.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    wording.focus();
  });
  entry.addEventListener("dblclick", () => wording.focus());
  tell();
}

/** Where work goes on: at the clause, or where a problem is said. */
function attend() {
  (panel?.querySelector("#problem") ? panel.querySelector("#wording") : panel?.querySelector("#find"))?.focus({ preventScroll: true });
}

onKey("j", () => go(1));
onKey("k", () => go(-1));
onKey("/", () => panel?.querySelector("#find")?.focus());
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== panel) return;
  prepare();
  if (!isBrowsing || document.activeElement === document.body) attend();
});
// What was asked for is the current one, and not what arrived: three presses of j are three questions further, however slow the first answer is.
list?.addEventListener("click", (event) => {
  isBrowsing = !event.isTrusted;
  const link = event.target.closest("a");
  if (link && !event.ctrlKey && !event.metaKey) mark(link);
});
prepare();
if (panel?.querySelector(".item")) attend();
list?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
