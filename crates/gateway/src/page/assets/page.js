// What the page does beyond what the server has written: count down, copy, print, and follow the payment's state.
"use strict";

(() => {
  const page = document.body.dataset;
  const again = () => location.replace(location.href.split("#")[0]);

  // Count down by the gateway's clock, whatever this device's says.
  const left = document.querySelector("[data-left]");
  const opened = performance.now();
  const until = Number(page.until);
  if (until) {
    let ended = false;
    const two = (number) => String(number).padStart(2, "0");
    const tick = () => {
      const passed = Math.floor((performance.now() - opened) / 1000);
      // The last second itself still counts.
      const seconds = until - Number(page.now) - passed;
      if (seconds < 0 && !ended) {
        ended = true;
        setTimeout(again, 5000);
      }
      if (left) {
        const rest = Math.max(0, seconds);
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
  }

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

  // A browser comes back to a stream that has ended, but not to one that was refused.
  const follow = () => {
    const events = new EventSource(page.events);
    events.addEventListener("phase", ({ data }) => {
      if (data !== page.phase) {
        events.close();
        again();
      }
    });
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) setTimeout(follow, 30000);
    });
  };
  if (page.events) follow();
})();
