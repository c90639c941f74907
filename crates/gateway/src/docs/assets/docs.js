// The forms to try the calls with: what is typed becomes a request, signed with a secret that stays in this page, and the
// answer is shown as text. Without this script the page can be read as well.
"use strict";

const element = (name, attributes = {}, text = "") => {
  const made = document.createElement(name);
  Object.assign(made, attributes);
  made.textContent = text;
  return made;
};

const pad = (number, digits = 2) => String(number).padStart(digits, "0");

// `yyyyMMddHHmmss` of the clock in Jakarta, which has no daylight saving.
const stampInJakarta = () => {
  const at = new Date(Date.now() + 7 * 3600 * 1000);
  return [
    pad(at.getUTCFullYear(), 4), pad(at.getUTCMonth() + 1), pad(at.getUTCDate()),
    pad(at.getUTCHours()), pad(at.getUTCMinutes()), pad(at.getUTCSeconds()),
  ].join("");
};

const inputsOf = (form, place) => [...form.querySelectorAll(`[data-place="${place}"]`)];
const inputNamed = (form, name) => form.querySelector(`[data-place][name="${name}"]`);

// What is typed for the body, as an object; a field that is empty is not sent.
const bodyOf = (form) => {
  const body = {};
  for (const input of inputsOf(form, "body")) {
    if (input.value === "") continue;
    const path = input.name.split(".");
    const last = path.pop();
    const within = path.reduce((object, key) => (object[key] ??= {}), body);
    within[last] = input.dataset.kind === "flag" ? input.value === "true" : input.value;
  }
  return body;
};

const pathOf = (form) => {
  const path = inputsOf(form, "path").reduce(
    (text, input) => text.replace(`{${input.name}}`, encodeURIComponent(input.value)), form.dataset.path,
  );
  const query = new URLSearchParams(inputsOf(form, "query").map((input) => [input.name, input.value])).toString();
  return query === "" ? path : `${path}?${query}`;
};

// The request as it is sent now, signed as it must be this second.
const requestOf = async (form) => {
  const method = form.dataset.method;
  const path = pathOf(form);
  const request = { method, path, headers: {}, body: undefined };
  const raw = form.querySelector("[data-raw]");
  if (raw) {
    request.headers["Content-Type"] = "application/x-www-form-urlencoded";
    request.body = raw.value;
  } else if (inputsOf(form, "body").length > 0) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(bodyOf(form));
  }
  if (form.dataset.proof === "signature") {
    const timestamp = inputNamed(form, "X-TIMESTAMP").value || new Date().toISOString();
    for (const input of inputsOf(form, "header")) request.headers[input.name] = input.value;
    request.headers["X-TIMESTAMP"] = timestamp;
    if (request.headers["X-EXTERNAL-ID"] === "") {
      request.headers["X-EXTERNAL-ID"] = `docs-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
    }
    const secret = form.querySelector("[data-secret]").value;
    if (secret !== "") {
      request.headers["X-SIGNATURE"] = await signing.storeSignature(secret, path, request.body, timestamp);
    }
  }
  return request;
};

// A word as a shell takes it, whatever is in it.
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const curlOf = (request) => {
  const plain = request.method === (request.body === undefined ? "GET" : "POST");
  const lines = [`curl -s ${plain ? "" : `-X ${request.method} `}${quoted(location.origin + request.path)}`];
  for (const [name, value] of Object.entries(request.headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (request.body !== undefined) lines.push(`-d ${quoted(request.body)}`);
  return lines.join(" \\\n  ");
};

// JSON on several lines, its parts marked for the eye: always as text, never as markup.
const showJson = (target, text) => {
  let pretty = text;
  try {
    pretty = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // What is no JSON is shown as it came.
  }
  const parts = pretty.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*)/);
  target.replaceChildren(...parts.map((part, i) => {
    if (i % 2 === 0) return document.createTextNode(part);
    const kind = !part.startsWith('"') ? "word" : part.endsWith(":") ? "key" : "text";
    return element("span", { className: kind }, part);
  }));
};

const sign = async (form) => {
  const token = inputNamed(form, "merchantToken");
  const secret = form.querySelector("[data-secret]")?.value ?? "";
  if (form.dataset.proof !== "token" || secret === "") return;
  const values = form.dataset.over.split(" ").map((name) => inputNamed(form, name)?.value ?? "");
  const made = await signing.merchantToken(values, secret);
  // The key may have been taken away again meanwhile.
  if (form.querySelector("[data-secret]").value === secret) token.value = made;
};

const hintOf = (form) => {
  const secret = form.querySelector("[data-secret]");
  if (!secret || secret.value !== "") return "";
  if (form.dataset.proof === "signature") return "Without the partner's secret the request is not signed, and is refused.";
  return form.dataset.touched
    ? "The token was made for the example's values. Type the merchant key to have it made for these."
    : "The token is right for the example as it stands.";
};

const refresh = async (form) => {
  await sign(form);
  form.querySelector("[data-hint]").textContent = hintOf(form);
  form.querySelector("[data-curl]").textContent = curlOf(await requestOf(form));
};

const fill = (form, values) => {
  for (const input of inputsOf(form, "body")) input.value = values[input.name] ?? "";
};

const put = (form, name, value) => {
  const input = inputNamed(form, name);
  if (!input || !value || input.value === value) return false;
  input.value = value;
  input.classList.add("changed");
  return true;
};

// A payment that was registered here is the one that the other forms go on with.
const carryOn = (from, answer, asked) => {
  if (!from.dataset.call.endsWith("Registration") || answer.resultCd !== "0000") return;
  const values = {
    tXid: answer.tXid, payNo: answer.payNo, referenceNo: answer.referenceNo, amt: answer.amt, iMid: asked.iMid,
    "amount.value": `${answer.amt}.00`,
  };
  const chain = answer.mitraCd && { "X-PARTNER-ID": answer.mitraCd, storeBrand: answer.mitraCd === "INDO" ? "INDOMARET" : "ALFAMART" };
  for (const form of document.querySelectorAll(".try form")) {
    if (form.dataset.call.endsWith("Registration")) continue;
    const names = Object.entries({ ...values, ...chain });
    const changed = names.filter(([name, value]) => put(form, name, value)).length > 0;
    if (!changed) continue;
    form.dataset.touched = "yes";
    refresh(form);
  }
};

const send = async (form) => {
  const button = form.querySelector(".send");
  const shown = form.querySelector("[data-answer]");
  const status = form.querySelector("[data-status]");
  const took = form.querySelector("[data-took]");
  const body = form.querySelector("[data-body]");
  button.disabled = true;
  await sign(form);
  const request = await requestOf(form);
  form.querySelector("[data-curl]").textContent = curlOf(request);
  const begun = performance.now();
  try {
    const { method, headers } = request;
    const response = await fetch(request.path, { method, headers, body: request.body, credentials: "omit", redirect: "error" });
    const text = await response.text();
    took.textContent = `${Math.round(performance.now() - begun)} ms`;
    status.textContent = response.status;
    status.className = `status ${response.ok ? "good" : "bad"}`;
    showJson(body, text);
    if (form.dataset.proof === "token") {
      const answer = JSON.parse(text);
      if (answer.resultCd !== "0000") status.className = "status bad";
      carryOn(form, answer, bodyOf(form));
    }
  } catch (error) {
    took.textContent = "";
    status.textContent = "no answer";
    status.className = "status bad";
    body.textContent = `${error.message}\nIs the sandbox still running?`;
  }
  shown.hidden = false;
  button.disabled = false;
  shown.scrollIntoView({ block: "nearest" });
};

const copy = async (form, button) => {
  const code = form.querySelector("[data-curl]");
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    // The clipboard is closed to pages over plain http; what is selected can be copied by hand.
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
};

const prepare = (form) => {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
  form.addEventListener("input", (event) => {
    if (event.target.matches("[data-examples]")) {
      fill(form, JSON.parse(event.target.value));
      delete form.dataset.touched;
    } else if (event.target.matches("[data-place]")) {
      form.dataset.touched = "yes";
      event.target.classList.remove("changed");
    }
    refresh(form);
  });
  form.querySelector("[data-fresh]")?.addEventListener("click", () => {
    const stamp = stampInJakarta();
    put(form, "timeStamp", stamp);
    if (form.dataset.call.endsWith("Registration")) put(form, "referenceNo", `ORD${stamp}`);
    form.dataset.touched = "yes";
    refresh(form);
  });
  form.querySelector("[data-copy]").addEventListener("click", (event) => copy(form, event.target));
  form.closest(".try").hidden = false;
  refresh(form);
};

// The list beside the text shows where the reader is.
const followReader = () => {
  const links = new Map([...document.querySelectorAll(".side a")].map((link) => [link.hash.slice(1), link]));
  const observer = new IntersectionObserver((entries) => {
    const seen = entries.find((entry) => entry.isIntersecting);
    if (!seen) return;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(seen.target.id)?.setAttribute("aria-current", "location");
  }, { rootMargin: "-15% 0px -75% 0px" });
  for (const call of document.querySelectorAll(".call, #signing")) observer.observe(call);
};

document.querySelectorAll(".try form").forEach(prepare);
followReader();
