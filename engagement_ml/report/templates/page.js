"use strict";
// Sorts the tables of the page, and saves them as files. It loads and sends nothing.
(() => {
  const files = JSON.parse(document.getElementById("files").textContent);
  const inOrder = new Intl.Collator(document.documentElement.lang, { numeric: true });

  const save = (name) => {
    const content = files[name];
    const text = typeof content === "string" ? content : JSON.stringify(content, null, 2) + "\n";
    const type = name.endsWith(".json") ? "application/json" : "text/csv;charset=utf-8";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };

  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };

  const kindOf = (header) => {
    if (header.dataset.kind) return header.dataset.kind;
    if (header.classList.contains("draw")) return "drawing";
    return header.classList.contains("num") ? "number" : "text";
  };

  // What a cell shows first, without the smaller line below and what is for screen readers.
  const shown = (cell) => {
    const copy = cell.cloneNode(true);
    for (const each of copy.querySelectorAll(".range, .code, .hidden, .sign")) each.remove();
    return copy.textContent.trim();
  };

  // Cells without a value stay last in both directions; tables of data say what they sort by.
  const keyOf = (cell, numeric) => {
    if (!cell) return undefined;
    if (cell.dataset.sort !== undefined) return numeric ? Number(cell.dataset.sort) : cell.dataset.sort;
    if (cell.closest("table.data")) return undefined;
    const text = shown(cell);
    if (!numeric) return text === "–" || text === "" ? undefined : text;
    const digits = text.replaceAll("−", "-").replace(/[^0-9.\s-]/g, "").match(/-?\d[\d.]*/);
    return digits ? Number(digits[0]) : undefined;
  };

  // Rows of one body are sorted; of several bodies, each is kept together.
  const unitsOf = (table) => (table.tBodies.length > 1 ? table.tBodies : table.tBodies[0].rows);
  const rowOf = (unit) => (unit.rows ? unit.rows[0] : unit);

  const sortBy = (table, place, header, numeric) => {
    const before = header.getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const other = numeric ? "ascending" : "descending";
    const direction = before === first ? other : first;
    const sign = direction === "ascending" ? 1 : -1;
    const keyed = Array.from(unitsOf(table), (unit) =>
      [keyOf(rowOf(unit).cells[place], numeric), unit]);
    keyed.sort(([x], [y]) => {
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return sign * (numeric ? x - y : inOrder.compare(x, y));
    });
    for (const [, unit] of keyed) {
      if (unit.rows) table.insertBefore(unit, table.tFoot);
      else table.tBodies[0].append(unit);
    }
    for (const each of header.parentElement.cells) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
  };

  const toolsOf = (table, name) => {
    const there = document.getElementById(`tools-${name}`);
    if (there) return there;
    const made = document.createElement("div");
    made.className = "tools";
    table.closest(".scroll").before(made);
    return made;
  };

  for (const table of document.querySelectorAll("table[data-file]")) {
    const titled = table.caption ?? table.closest("section").querySelector("h2, h3");
    const sortable = unitsOf(table).length > 1 && rowOf(unitsOf(table)[0]).cells[0].colSpan === 1;
    for (const [place, header] of Array.from(table.tHead.rows[0].cells).entries()) {
      const kind = kindOf(header), title = header.textContent.trim();
      if (!sortable || kind === "drawing" || !title) continue;
      const sorter = button(title, () => sortBy(table, place, header, kind === "number"));
      sorter.className = "sorter";
      header.replaceChildren(sorter);
    }
    const name = table.dataset.file;
    if (!(name in files)) continue;
    const saver = button("CSV", () => save(name));
    saver.className = "save";
    saver.setAttribute("aria-label", `Save ${titled.textContent.trim()} as ${name}`);
    toolsOf(table, name).append(saver);
  }

  const whole = document.getElementById("whole");
  if (whole) {
    const saver = button(`Save all as ${whole.dataset.file}`, () => save(whole.dataset.file));
    saver.className = "save";
    whole.append(saver);
  }

  // A link to something folded unfolds it, also if it is followed a second time.
  const unfold = (id) => {
    const target = document.getElementById(id);
    if (!target) return;
    const own = target.querySelector(":scope > details");
    if (own) own.open = true;
    for (let each = target; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") each.open = true;
    }
    target.scrollIntoView();
  };
  const named = () => decodeURIComponent(location.hash.slice(1));
  addEventListener("hashchange", () => unfold(named()));
  for (const link of document.querySelectorAll("a[href^='#']")) {
    link.addEventListener("click", () => unfold(link.getAttribute("href").slice(1)));
  }
  if (location.hash) unfold(named());

  // Paper shows what is folded in a part that is printed whole; the screen is as before afterwards.
  let everything = false;
  let unfolded = [];
  addEventListener("beforeprint", () => {
    document.body.classList.toggle("printed-whole", everything);
    unfolded = Array.from(document.querySelectorAll(".printed-whole details:not([open])"));
    for (const each of unfolded) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of unfolded) each.open = false;
    document.body.classList.remove("printed-whole");
  });
  const printing = document.getElementById("print-all");
  if (printing) {
    const printer = button("Print the whole report", () => {
      everything = true;
      print();
      everything = false;
    });
    printer.className = "save";
    printing.append(printer);
  }
})();
