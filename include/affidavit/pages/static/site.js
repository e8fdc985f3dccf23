// Turns a verdict stale, loudly, once its valid_until has passed on the reader's clock. Nothing else.
"use strict";
(() => {
  function recount(scope, status, by) {
    const cells = document.querySelectorAll("[data-count]");
    for (const cell of cells) {
      if (cell.dataset.count === status && (cell.dataset.scope === scope || cell.dataset.scope === "")) {
        cell.textContent = String(Number(cell.textContent) + by);
        cell.classList.toggle("zero", cell.textContent === "0");
      }
    }
  }

  function turnStale(verdict) {
    const was = verdict.dataset.status;
    const badge = verdict.querySelector(".badge");
    badge.className = "badge stale";
    badge.querySelector("use").setAttribute("href", "#shape-stale");
    badge.querySelector(".word").textContent = "stale";
    const note = document.createElement("span");
    note.className = "was";
    note.textContent = `was ${was} until ${verdict.dataset.validUntil}`;
    badge.after(note);
    recount(verdict.dataset.scope, was, -1);
    recount(verdict.dataset.scope, "stale", 1);
    verdict.dataset.status = "stale";
  }

  function look() {
    const now = Date.now();
    for (const verdict of document.querySelectorAll("[data-valid-until]")) {
      if (verdict.dataset.status !== "stale" && Date.parse(verdict.dataset.validUntil) < now) turnStale(verdict);
    }
    const count = document.querySelectorAll(".was").length;
    if (!count) return;
    document.getElementById("outdated-count").textContent = count === 1 ? "1 verdict" : `${count} verdicts`;
    document.getElementById("outdated").hidden = false;
    for (const answer of document.querySelectorAll("[data-answer]")) answer.classList.add("outdated");
  }

  look();
  setInterval(look, 60000);
  document.addEventListener("visibilitychange", look);
})();
