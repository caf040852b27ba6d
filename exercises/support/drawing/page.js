"use strict";

const drawing = document.getElementById("drawing");
const seen = document.getElementById("seen").getContext("2d");
const guess = document.getElementById("guess");
const status = document.getElementById("status");
const MOST_POINTS = 3000; // the server takes some more
const NEAR = 0.004; // of the drawing's width: a point this near to the last one adds nothing

let strokes = []; // lists of points [x, y], 0 to 1 across the drawing
let stroke = null; // that is being drawn
let asking = false; // whether an answer is on its way
let changed = false; // whether something was drawn since it was asked for

const rows = Array.from({ length: 10 }, (_, digit) => {
  const row = document.createElement("li");
  const name = document.createElement("span");
  const track = document.createElement("div");
  const fill = document.createElement("div");
  const percent = document.createElement("span");
  name.textContent = digit;
  track.className = "track";
  fill.className = "fill";
  percent.className = "percent";
  track.append(fill);
  row.append(name, track, percent);
  document.getElementById("bars").append(row);
  return { row, fill, percent };
});

function show(probabilities, image) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  const nothing = strokes.length === 0;
  rows.forEach(({ row, fill, percent }, digit) => {
    row.className = digit === best && !nothing ? "best" : "";
    fill.style.transform = `scaleX(${probabilities[digit]})`;
    percent.textContent = `${Math.round(100 * probabilities[digit])}%`;
  });
  guess.textContent = nothing ? "nothing yet" : best;
  const pixels = seen.createImageData(28, 28);
  image.forEach((grey, i) => pixels.data.set([grey, grey, grey, 255], 4 * i));
  seen.putImageData(pixels, 0, 0);
}

function showNothing() {
  show(new Array(10).fill(0), new Array(784).fill(0));
}

async function ask() {
  if (asking) {
    changed = true; // asked again as soon as the answer is there, with all that was drawn until then
    return;
  }
  asking = true;
  do {
    changed = false;
    const asked = strokes;
    try {
      const answer = await fetch("guess", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ strokes: asked }),
      });
      if (!answer.ok) throw new Error(answer.status);
      const { probabilities, image } = await answer.json();
      if (asked === strokes) show(probabilities, image); // and was not cleared meanwhile
      status.textContent = "";
    } catch {
      status.textContent = "No answer: has the program ended?";
    }
  } while (changed && strokes.length > 0);
  asking = false;
}

function draw() {
  const side = Math.round(drawing.clientWidth * (window.devicePixelRatio || 1));
  if (drawing.width !== side) drawing.width = drawing.height = side;
  const pen = drawing.getContext("2d");
  pen.clearRect(0, 0, side, side);
  pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  pen.lineWidth = 0.07 * side;
  pen.lineCap = pen.lineJoin = "round";
  for (const points of strokes) {
    pen.beginPath();
    pen.moveTo(points[0][0] * side, points[0][1] * side);
    for (const [x, y] of points) pen.lineTo(x * side, y * side);
    pen.stroke();
  }
}

function add(event) {
  const box = drawing.getBoundingClientRect();
  const limit = (number) => Math.round(10000 * Math.min(1, Math.max(0, number))) / 10000;
  const [x, y] = [limit((event.clientX - box.left) / box.width), limit((event.clientY - box.top) / box.height)];
  const last = stroke[stroke.length - 1];
  const many = strokes.reduce((sum, points) => sum + points.length, 0) >= MOST_POINTS;
  if (many || (last && Math.hypot(x - last[0], y - last[1]) < NEAR)) return;
  stroke.push([x, y]);
}

drawing.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button !== 0) return; // a second finger, or another button
  event.preventDefault();
  drawing.setPointerCapture(event.pointerId); // so that a stroke goes on where it leaves the paper
  stroke = [];
  add(event);
  if (stroke.length === 0) return;
  strokes.push(stroke);
  draw();
  ask();
});

drawing.addEventListener("pointermove", (event) => {
  if (!stroke || !event.isPrimary) return;
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const each of events.length ? events : [event]) add(each); // between two pictures of the screen there are several
  draw();
  ask();
});

for (const end of ["pointerup", "pointercancel"]) {
  drawing.addEventListener(end, (event) => {
    if (event.isPrimary) stroke = null;
  });
}

document.getElementById("clear").addEventListener("click", () => {
  strokes = [];
  stroke = null;
  status.textContent = "";
  draw();
  showNothing();
});

window.addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
showNothing();
draw();
