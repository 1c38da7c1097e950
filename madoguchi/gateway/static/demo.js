/** Shows the embedding line with this gateway's own address. */
const line = document.getElementById("line");
line.textContent = line.textContent.replace("https://…", location.origin);
