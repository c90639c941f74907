// What the page does beyond what the server has written: count down, copy, print, and follow the payment's state.
"use strict";

(() => {
  const page = document.body.dataset;
  const here = location.href.split("#")[0];

  // Asks for the page again once it is sure to come: nobody shall lose the number for want of a signal.
  let going = false;
  const again = async () => {
    going = true;
    const answer = await fetch(here, { method: "HEAD" }).catch(() => null);
    if (answer && (answer.ok || answer.status === 404 || answer.status === 410)) {
      location.replace(here);
    } else {
      setTimeout(again, 10000);
    }
  };

  // Time runs by the gateway's clock, whatever this device's says, and goes on while the device sleeps.
  let told = Number(page.now);
  let toldAt = Date.now();
  const now = () => told + Math.floor((Date.now() - toldAt) / 1000);

  const left = document.querySelector("[data-left]");
  const until = Number(page.until);
  const changes = Number(page.changes);
  const two = (number) => String(number).padStart(2, "0");
  const tick = () => {
    // Not all open pages at the same moment.
    if (changes && now() >= changes && !going) {
      going = true;
      setTimeout(again, 1000 + Math.random() * 4000);
    }
    if (left && until) {
      const rest = Math.max(0, until - now());
      const days = Math.floor(rest / 86400);
      const clock = [Math.floor(rest / 3600) % 24, Math.floor(rest / 60) % 60, rest % 60].map(two).join(":");
      const name = days === 1 ? left.dataset.day : left.dataset.days;
      left.lastElementChild.textContent = days ? `${days} ${name} ${clock}` : clock;
      left.classList.toggle("soon", rest < 3600);
      left.hidden = false;
    }
  };
  tick();
  setInterval(tick, 1000);

  const copy = document.querySelector("[data-copy]");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const words = copy.textContent;
      try {
        await navigator.clipboard.writeText(copy.dataset.copy);
      } catch {
        return;
      }
      copy.textContent = copy.dataset.done;
      document.getElementById("said").textContent = copy.dataset.done;
      setTimeout(() => { copy.textContent = words; }, 2000);
    });
  }

  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }

  // A page that nobody looks at leaves its place to others. The browser comes back to a stream that has ended, but not
  // to one that was refused.
  let events = null;
  let over = false;
  const follow = () => {
    if (events || over || document.visibilityState === "hidden") return;
    const stream = events = new EventSource(page.events);
    stream.addEventListener("now", ({ data }) => {
      told = Number(data);
      toldAt = Date.now();
      tick();
    });
    stream.addEventListener("phase", ({ data }) => {
      if (data !== page.phase) {
        over = true;
        leave();
        again();
      }
    });
    stream.addEventListener("over", () => {
      over = true;
      leave();
    });
    stream.addEventListener("error", async () => {
      if (stream.readyState !== EventSource.CLOSED || stream !== events) return;
      leave();
      const answer = await fetch(page.events, { method: "HEAD" }).catch(() => null);
      if (answer && answer.status === 404) {
        over = true;
        again();
      } else {
        setTimeout(follow, 30000);
      }
    });
  };
  const leave = () => {
    if (events) events.close();
    events = null;
  };
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") leave(); else follow();
  });
  for (const shown of document.querySelectorAll("[data-watching]")) shown.hidden = false;
  for (const hidden of document.querySelectorAll("[data-again]")) hidden.hidden = true;
  follow();
})();
