// The page of the audit log: `/` goes to the filter, and the end of the log is copied by a button.
"use strict";
import { onKey, tell } from "./console.js";

onKey("/", () => document.getElementById("number").focus());
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    tell(button.dataset.said);
  });
}
