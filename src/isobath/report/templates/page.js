"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const root = document.documentElement;

  // Theme: follows the system until chosen; #theme=dark or #theme=light in the address chooses too.
  const themes = ["auto", "light", "dark"];
  const button = document.querySelector(".theme");
  const remembered = () => { try { return localStorage.getItem("isobath-theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("isobath-theme", theme); } catch { /* private window */ } };
  const show = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = "theme: " + theme;
    button.value = theme;
  };
  const asked = /[#&]theme=(light|dark|auto)/.exec(location.hash)?.[1] ?? remembered();
  show(themes.includes(asked) ? asked : "auto");
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(button.value) + 1) % themes.length];
    show(next);
    remember(next);
  });

  // Charts: each is drawn once per theme, and the style sheet shows one, so that a dark page prints on white.
  const charts = read("charts");
  const actions = { export: true, source: false, compiled: false, editor: false };
  const draw = async (name, theme) => {
    const place = document.querySelector(`[data-chart="${CSS.escape(name)}"] .on-${theme}`);
    const options = { actions, renderer: "svg", config: charts.config[theme], mode: "vega-lite", downloadFileName: name };
    try {
      await window.vegaEmbed(place, charts.specs[name], options);
    } catch (problem) {
      place.textContent = "This chart could not be drawn: " + problem.message;
      console.error(name, problem);
    }
  };
  const all = Object.keys(charts.specs).flatMap((name) => [draw(name, "light"), draw(name, "dark")]);
  Promise.all(all).then(() => { root.dataset.drawn = String(all.length); });

  // Transcripts: every underlined number opens the responses behind it.
  const dialog = document.querySelector("dialog");
  document.addEventListener("click", (event) => {
    const number = event.target.closest("button.open");
    if (!number) return;
    const stored = document.getElementById(number.dataset.cell);
    dialog.querySelector("h3").textContent = stored.dataset.title;
    dialog.querySelector(".content").replaceChildren(stored.content.cloneNode(true));
    dialog.showModal();
    dialog.scrollTop = 0;
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest(".close")) dialog.close(); });
})();
