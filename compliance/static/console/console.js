// What pages cannot do without a script. Each works without it: a key can be selected by hand,
// and a verdict looked for by its link.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const said = document.querySelector(`[data-copied="${button.dataset.copy}"]`);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "Copied.";
    } catch {
      // Without TLS a browser gives no clipboard to pages of other hosts.
      getSelection().selectAllChildren(source);
      said.textContent = "Selected: copy it with your keyboard.";
    }
  });
}

for (const element of document.querySelectorAll("[data-wait]")) {
  const look = async () => {
    try {
      const answer = await fetch(element.dataset.wait, { credentials: "same-origin" });
      if (!(await answer.json()).running) {
        location.reload();
        return;
      }
    } catch {
      // The appliance may be restarting; look again.
    }
    setTimeout(look, 1500);
  };
  setTimeout(look, 500);
}

// A run that is under way: its bar moves, and the page loads again once the run has ended.
for (const part of document.querySelectorAll("[data-progress]")) {
  const bar = part.querySelector("progress");
  const said = part.querySelector("[role=status]");
  const look = async () => {
    try {
      const answer = await fetch(part.dataset.progress, { credentials: "same-origin" });
      const now = await answer.json();
      if (!now.running) {
        location.reload();
        return;
      }
      if (now.total) {
        bar.max = now.total;
        bar.value = now.done;
      }
      if (said.textContent !== now.words) said.textContent = now.words;
    } catch {
      // The appliance may be restarting; look again.
    }
    setTimeout(look, 1000);
  };
  setTimeout(look, 500);
}

// A rule that is being typed: what it says is shown without pressing the button.
for (const form of document.querySelectorAll("form[data-preview]")) {
  const said = form.querySelector("[data-said]");
  let waiting, asked = 0;
  const show = async () => {
    const mine = ++asked;
    try {
      const body = new FormData(form);
      const answer = await fetch(form.dataset.preview, { method: "POST", body, credentials: "same-origin" });
      const { sentence, missing } = await answer.json();
      if (mine !== asked) return;
      const words = sentence || `Still to be said or mended: ${missing.join(", ")}.`;
      if (said.textContent !== words) said.textContent = words;
    } catch {
      // The button shows it too.
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 400);
  });
}

// A time is typed in the reader's own zone, where the page does not know a better one.
for (const zone of document.querySelectorAll("input[data-own-zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...zone.list.options].some((option) => option.value === own)) zone.value = own;
}

// The menu is open where there is room for it.
const menu = document.querySelector("details.menu");
if (menu) {
  const wide = matchMedia("(min-width: 900px)");
  const fit = () => { menu.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
}
