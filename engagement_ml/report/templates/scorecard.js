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

  // Cells without a value have no data-sort and stay last in both directions.
  const sortBy = (table, place, header, numeric) => {
    const before = header.getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const other = numeric ? "ascending" : "descending";
    const direction = before === first ? other : first;
    const sign = direction === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const key = (row) => row.cells[place].dataset.sort;
    const compare = (a, b) => {
      const x = key(a), y = key(b);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return sign * (numeric ? Number(x) - Number(y) : inOrder.compare(x, y));
    };
    body.append(...Array.from(body.rows).sort(compare));
    for (const each of header.parentElement.cells) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
  };

  for (const table of document.querySelectorAll("table[data-file]")) {
    Array.from(table.tHead.rows[0].cells).forEach((header, place) => {
      const kind = header.dataset.kind;
      if (kind === "drawing" || table.tBodies[0].rows.length < 2) return;
      const sorter = button(header.textContent.trim(), () =>
        sortBy(table, place, header, kind === "number"));
      sorter.className = "sorter";
      header.replaceChildren(sorter);
    });
    const name = table.dataset.file;
    const saver = button("CSV", () => save(name));
    saver.className = "save";
    saver.setAttribute("aria-label", `Save ${table.caption.textContent.trim()} as ${name}`);
    document.getElementById(`tools-${name}`).append(saver);
  }

  const whole = document.getElementById("whole");
  const saver = button(`Save all as ${whole.dataset.file}`, () => save(whole.dataset.file));
  saver.className = "save";
  whole.append(saver);

  // A link to something folded unfolds it.
  const unfold = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let each = target; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") each.open = true;
    }
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();
  // Paper shows what is folded; the screen is as before afterwards.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = Array.from(document.querySelectorAll("#analyst details:not([open])"));
    for (const each of unfolded) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of unfolded) each.open = false;
  });
})();
