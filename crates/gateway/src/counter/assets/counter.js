// What the counter does beyond what the server has written: the clock goes, the change shows while the cash is typed,
// a step is sent once however often its button is pressed, and the receipt prints.
"use strict";

(() => {
  const two = (number) => String(number).padStart(2, "0");

  // The gateway's clock, whatever this device's says.
  const page = document.body.dataset;
  const time = document.querySelector("[data-time]");
  if (time && !("frozen" in page)) {
    const opened = performance.now();
    const first = Number(page.now) + 7 * 3600;
    const day = Math.floor(first / 86400);
    setInterval(() => {
      const now = first + Math.floor((performance.now() - opened) / 1000);
      time.textContent = `${[Math.floor(now / 3600) % 24, Math.floor(now / 60) % 60, now % 60].map(two).join(":")} WIB`;
      if (Math.floor(now / 86400) !== day) {
        const date = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
        const language = document.documentElement.lang === "id" ? "id-ID" : "en-GB";
        document.querySelector("[data-day]").textContent = new Date(now * 1000).toLocaleDateString(language, date);
      }
    }, 1000);
  }

  const given = document.getElementById("given");
  const amount = document.querySelector("[data-amount]");
  if (given && amount) {
    const change = document.getElementById("change");
    const pretty = (rupiah) => `Rp ${String(rupiah).replace(/\B(?=(\d{3})+$)/g, ".")}`;
    const tell = () => {
      const digits = given.value.trim().replace(/^rp/i, "").replace(/[\s.]/g, "");
      const typed = /^\d{1,12}$/.test(digits);
      const rest = Number(digits) - Number(amount.dataset.amount);
      change.hidden = !typed;
      change.classList.toggle("short", rest < 0);
      change.textContent = typed ? `${rest < 0 ? change.dataset.short : change.dataset.change} ${pretty(Math.abs(rest))}` : "";
    };
    given.addEventListener("input", tell);
    tell();
  }

  for (const field of document.querySelectorAll("[autofocus]")) {
    field.focus();
    field.select();
  }

  for (const form of document.forms) {
    form.addEventListener("submit", (event) => {
      if (form.getAttribute("aria-busy") === "true") {
        event.preventDefault();
        return;
      }
      form.setAttribute("aria-busy", "true");
      event.submitter?.classList.add("pressed");
    });
  }
  // A page that comes back out of the browser's memory is not busy any more.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) form.removeAttribute("aria-busy");
    for (const button of document.querySelectorAll(".pressed")) button.classList.remove("pressed");
  });

  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
})();
