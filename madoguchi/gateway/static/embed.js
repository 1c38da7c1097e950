/** The launcher of the privacy chat: <script src="https://GATEWAY/embed.js" data-site="lexus" data-lang="ja" async></script> */
(() => {
  const {src, dataset} = document.currentScript;
  const gateway = new URL(src).origin;
  const site = dataset.site ?? "";
  const lang = /^en/i.test(dataset.lang ?? document.documentElement.lang) ? "en" : "ja";
  const [LABEL, TITLE, UNREAD] = lang === "ja"
    ? ["個人情報のご質問", "個人情報の窓口（チャット）", "未読"]
    : ["Privacy questions", "Privacy questions (chat)", "unread"];
  const STYLE = `
    :host { all: initial }
    [hidden] { display: none !important }
    button, iframe { position: fixed; z-index: 2147483000; right: 20px; bottom: 20px; border: 1px solid transparent }
    button {
      display: flex; align-items: center; gap: 10px; min-height: 52px; padding: 0 20px 0 16px; border-radius: 26px; cursor: pointer;
      color: #fff; background: #2b4c7e; font: 600 15px "Hiragino Sans", "Noto Sans JP", sans-serif;
      box-shadow: 0 0 0 1px #fff6, 0 6px 20px #10203a66
    }
    button:hover { background: #203b64 }
    button:focus-visible { outline: 3px solid #2b4c7e; outline-offset: 3px; box-shadow: 0 0 0 3px #fff }
    svg { width: 24px; fill: none; stroke: currentColor; stroke-width: 1.6 }
    b { padding: 2px 8px; border-radius: 12px; font-size: 13px; color: #2b4c7e; background: #fff }
    iframe {
      width: 408px; height: min(700px, 100vh - 40px); border-radius: 16px; background: Canvas;
      box-shadow: 0 0 0 1px #8a94a366, 0 16px 48px #10203a52
    }
    @media (max-width: 480px), (max-height: 480px) {
      iframe { inset: 0; box-sizing: border-box; width: 100%; height: 100dvh; border: 0; border-radius: 0 }
    }`;

  /** The conversation's token: in this page's storage, or in memory where that is denied. */
  const key = `madoguchi:${gateway}:${site}`;
  let held = null;

  function read() {
    try { held = localStorage.getItem(key); } catch { /* denied */ }
    return held;
  }

  function keep(token) {
    const former = held;
    held = token;
    try {
      if (token) localStorage.setItem(key, token);
      else if (localStorage.getItem(key) === former) localStorage.removeItem(key); // another tab may have begun anew
    } catch { /* denied */ }
  }

  const host = document.createElement("div");
  const root = host.attachShadow({mode: "open"});
  const frame = document.createElement("iframe");
  const launcher = document.createElement("button");
  const badge = document.createElement("b");
  const tell = (message) => frame.contentWindow.postMessage(message, gateway);
  const init = () => tell({madoguchi: "init", token: read(), lang});
  let ready = false;

  /** Opens or closes the panel. Until the chat answers, the launcher stays, to close what does not load. */
  function toggle() {
    const open = frame.hidden;
    if (!frame.src) {
      frame.src = `${gateway}/chat?${new URLSearchParams({site, lang, embedded: 1})}`;
      root.prepend(frame);
    }
    frame.hidden = !open;
    launcher.ariaExpanded = open;
    launcher.hidden = open && ready;
    if (ready) tell({madoguchi: open ? "opened" : "closed"});
    (open ? frame : launcher).focus();
  }

  const HEARD = {
    ready() {
      ready = true;
      init();
      launcher.hidden = !frame.hidden;
      if (launcher.hidden) tell({madoguchi: "opened"});
    },
    token: ({token}) => keep(token),
    close: () => frame.hidden || toggle(),
    unread({count}) {
      badge.hidden = !count;
      badge.textContent = `${UNREAD} ${Number(count)}`;
    },
  };

  function draw() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    svg.setAttribute("viewBox", "0 0 24 24");
    path.setAttribute("d", "M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-6l-4.5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM12 4v13M3 10.5h18");
    svg.append(path);
    host.lang = lang;
    frame.title = TITLE;
    frame.hidden = badge.hidden = true;
    launcher.ariaExpanded = false;
    launcher.append(svg, LABEL, badge);
    launcher.onclick = toggle;
    root.append(launcher);
    document.body.append(host);
  }

  addEventListener("message", ({source, origin, data}) => {
    if (source && source === frame.contentWindow && origin === gateway) HEARD[data.madoguchi]?.(data);
  });
  addEventListener("storage", (event) => event.key === key && ready && init());
  if (document.body) draw();
  else addEventListener("DOMContentLoaded", draw);
})();
