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
