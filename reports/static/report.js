// What HTML and CSS can't do alone: sorting and filtering of tables by DataTables, whose jQuery the bundle above leaves.
const tables = new Map();

// Numbers, then words, then what has no figure: that stays last whichever way is sorted.
const order = jQuery.fn.dataTable.ext.type.order;
const placed = (one, other, way) => {
  if (one === "" || other === "") return (one === "") - (other === "");
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  return way * (one < other ? -1 : one > other ? 1 : 0);
};
order["figure-pre"] = (value) => (value === "" || Number.isNaN(Number(value)) ? value : Number(value));
order["figure-asc"] = (one, other) => placed(one, other, 1);
order["figure-desc"] = (one, other) => placed(one, other, -1);

for (const table of document.querySelectorAll("table.data")) {
  const api = jQuery(table).DataTable({
    paging: false, info: false, autoWidth: false, order: [], orderMulti: false,
    columnDefs: [{ targets: "_all", type: "figure" }],
    layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
    language: { zeroRecords: "No row holds all of these words." },
  });
  tables.set(table.id, api);
}

function filter(id, words) {
  const api = tables.get(id);
  api.search(words).draw();
  const { recordsDisplay, recordsTotal } = api.page.info();
  document.querySelector(`[data-counts="${id}"]`).value = words ? `${recordsDisplay} of ${recordsTotal} rows` : "";
}

for (const input of document.querySelectorAll("input[data-filters]")) {
  input.closest("label").hidden = false;
  input.addEventListener("input", () => filter(input.dataset.filters, input.value));
}

// A link to a cell leads there though a filter hides its row, and one to a claim though its verdict is not shown.
function reveal() {
  const name = decodeURIComponent(location.hash.slice(1));
  if (!name) return;
  for (const input of document.querySelectorAll("input[data-filters]")) {
    if (input.value && name.startsWith("cell-")) {
      input.value = "";
      filter(input.dataset.filters, "");
    }
  }
  const target = document.getElementById(name);
  if (target?.matches(".card")) {
    const folded = target.closest("details");
    if (folded) folded.open = true;
    if (!target.offsetParent) document.getElementById("show-all").checked = true;
  }
  target?.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();

// Who asks for what is untested need not unfold it.
document.getElementById("show-untested")?.addEventListener("change", () => {
  for (const folded of document.querySelectorAll(".rest")) folded.open = true;
});

// What scrolls sideways can be reached by keyboard, and only that.
const reach = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const wide = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (wide) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const region of document.querySelectorAll(".scroll")) reach.observe(region);

// Where there is little room, title and legend of a figure leave the drawing, which is as wide as its axes then: the
// title stands above, and a legend that was at the right below, so that both are seen without scrolling.
const narrow = matchMedia("(max-width: 40rem)");
const smallest = 0.9; // pixels for each unit of the drawing, below which its letters can't be read
const ends = (element) => {
  const { x, y, width, height } = element.getBBox();
  return { x, y, width, height, right: x + width, bottom: y + height };
};

for (const figure of document.querySelectorAll(".plot")) {
  const drawing = figure.querySelector(".scroll > svg");
  const legend = drawing.querySelector('[id*="-legend_"]');
  if (!legend) continue;
  const panels = drawing.querySelectorAll('[id*="-axes_"] > [id*="-patch_"]:first-child');
  const box = ends(legend);
  if (box.x < Math.max(...[...panels].map((panel) => ends(panel).right))) continue;
  const titles = drawing.querySelectorAll('[id$="-figure_1"] > [id*="-text_"]');
  const top = Math.max(0, ...[...titles].map((title) => ends(title).bottom));
  const { width, height } = drawing.viewBox.baseVal;

  const below = figure.querySelector(".legend");
  below.innerHTML = `<use href="#${legend.id}"/>`;
  below.setAttribute("viewBox", `${box.x} ${box.y} ${box.width} ${box.height}`);
  below.setAttribute("width", 1.2 * box.width);
  const fit = () => {
    figure.classList.toggle("narrow", narrow.matches);
    drawing.style.minWidth = narrow.matches ? `${smallest * box.x}px` : "";
    drawing.setAttribute("viewBox", narrow.matches ? `0 ${top} ${box.x - 4} ${height - top}` : `0 0 ${width} ${height}`);
  };
  narrow.addEventListener("change", fit);
  fit();
}
