// What the pages do beyond what the server has written: copy, show that a form is under way, follow what changes.
"use strict";

(() => {
  const said = document.getElementById("said");

  for (const copy of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) break;
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const words = copy.textContent;
      try {
        await navigator.clipboard.writeText(copy.dataset.copy);
      } catch {
        return;
      }
      copy.textContent = "Copied";
      said.textContent = "Copied";
      setTimeout(() => { copy.textContent = words; }, 2000);
    });
  }

  // A second click must not send a form twice; a page that the browser brings back is ready again.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.getAttribute("aria-busy")) event.preventDefault();
      form.setAttribute("aria-busy", "true");
    });
  }
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
  });

  // A page that may change is looked at again, while it is seen and nobody has begun to type. Each look keeps the session
  // awake, so it ends a while after the last touch.
  const live = document.querySelector("[data-live]");
  if (live) {
    let touched = performance.now();
    let typed = false;
    addEventListener("pointerdown", () => { touched = performance.now(); });
    addEventListener("keydown", () => { touched = performance.now(); });
    addEventListener("input", () => { typed = true; });
    const look = async () => {
      const open = document.querySelector("main details.act[open]");
      if (document.hidden || typed || open || performance.now() - touched > 600000) return;
      try {
        const answer = await fetch(location.href, { redirect: "error" });
        if (!answer.ok) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-live]");
        if (!fresh || fresh.dataset.live !== live.dataset.live) location.reload();
      } catch {
        // The next look may have more luck.
      }
    };
    setInterval(look, 5000);
  }
})();
