// Pictures on canvases: people in the images of the cameras, the map from above, the plots.

// A canvas as fine as the screen, cleared; its context counts in pixels of the page.
chromm.begin = (canvas) => {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0]) canvas.width = pixels[0];
  if (canvas.height !== pixels[1]) canvas.height = pixels[1];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
};

chromm.ink = () => (document.documentElement.dataset.mantineColorScheme === "dark" ? "#e8e8ea" : "#202124");

// Of a camera whose state nobody knows nothing bad is said.
chromm.isFine = (camera) => ["ok", "unknown", "uncalibrated", "excluded"].includes(camera.state);

// How strongly a person is drawn: ghosts faintly, and who is not selected less while somebody is.
chromm.strength = (person, state, fade) =>
  fade * (person.state === "tracked" ? 1 : person.opacity) *
  (state.selected === null || state.selected === person.id ? 1 : 0.45);

// A name on a plate in the colour of its owner, moved up until it covers no other one.
chromm.plate = (context, text, x, y, color, taken, alpha) => {
  context.font = "600 11px system-ui, sans-serif";
  const width = context.measureText(text).width + 8;
  const box = { left: Math.max(0, x - width / 2), right: Math.max(0, x - width / 2) + width, top: y - 15, bottom: y };
  for (let moved = true; moved; ) {
    moved = false;
    for (const other of taken) {
      if (box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom) {
        box.top = other.top - 16;
        box.bottom = box.top + 15;
        moved = true;
      }
    }
  }
  taken.push(box);
  context.globalAlpha = alpha;
  context.fillStyle = color;
  context.fillRect(box.left, box.top, width, 15);
  context.fillStyle = chromm.readable(color);
  context.fillText(text, box.left + 4, box.bottom - 4);
  context.globalAlpha = 1;
};

// Black or white, whatever is read more easily on a colour.
chromm.readable = (color) => {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
};

// The skeletons, and as rings the heads that the camera detected, over one image.
chromm.drawMarks = (canvas, camera, state, fade) => {
  const { context, width, height } = chromm.begin(canvas);
  const place = ([x, y]) => [(x * width) / 1000, (y * height) / 1000];
  const taken = [];
  const spots = [];
  for (const mark of fade > 0 ? camera.marks : []) {
    const person = state.people.find((one) => one.id === mark.id);
    if (!person) continue;
    const chosen = state.selected === person.id;
    const alpha = chromm.strength(person, state, fade);
    context.globalAlpha = alpha;
    context.strokeStyle = context.fillStyle = person.color;
    context.lineCap = "round";
    if (mark.joints) {
      context.setLineDash(person.state === "tracked" ? [] : [3, 4]);
      for (const [outline, line] of chosen ? [["#fff", 5.5], [person.color, 3.5]] : [[person.color, 2]]) {
        context.strokeStyle = outline;
        context.lineWidth = line;
        context.beginPath();
        for (const [first, second] of state.bones) {
          if (!mark.joints[first] || !mark.joints[second]) continue;
          context.moveTo(...place(mark.joints[first]));
          context.lineTo(...place(mark.joints[second]));
        }
        context.stroke();
      }
      context.setLineDash([]);
    }
    const head = mark.joints ? mark.joints[15] : mark.head;
    if (mark.head) {
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(...place(mark.head), 6, 0, 7);
      context.stroke();
    }
    context.globalAlpha = 1;
    if (!head) continue;
    const [x, y] = place(head);
    if (x < 0 || x > width || y < 0 || y > height) continue;
    spots.push({ id: person.id, x, y });
    chromm.plate(context, String(person.id), x, Math.max(15, y - 8), person.color, taken, Math.max(alpha, 0.25));
  }
  return spots;
};

// The world from above. Returns where people are, for clicks.
chromm.drawMap = (canvas, state, fade, memory) => {
  const { context, width, height } = chromm.begin(canvas);
  const placed = state.cameras.filter((camera) => camera.place);
  const points = [...placed.map((camera) => camera.place.xy), ...(fade > 0 ? state.people.map((one) => one.xyz) : [])];
  if (!points.length) return [];
  const wanted = [0, 1].map((axis) => [Math.min(...points.map((p) => p[axis])), Math.max(...points.map((p) => p[axis]))]);
  const outside = !memory.bounds || memory.bounds.some(([low, high], axis) => wanted[axis][0] < low || wanted[axis][1] > high);
  const wide = memory.bounds && memory.bounds.some(([low, high], axis) => wanted[axis][1] - wanted[axis][0] < 0.4 * (high - low));
  if (outside || wide) memory.bounds = wanted.map(([low, high]) => [low - 1, high + 1]); // it should not tremble
  const [[left, right], [bottom, top]] = memory.bounds;
  const scale = Math.min(width / (right - left), height / (top - bottom));
  const at = ([x, y]) => [
    width / 2 + scale * (x - (left + right) / 2),
    height / 2 - scale * (y - (bottom + top) / 2),
  ];
  const ink = chromm.ink();
  chromm.drawGrid(context, width, height, at, scale, ink);
  for (const camera of placed) chromm.drawWedge(context, camera, at, scale, ink, fade);
  const spots = [];
  const taken = [];
  for (const person of fade > 0 ? state.people : []) {
    const alpha = chromm.strength(person, state, fade);
    context.globalAlpha = 0.7 * alpha;
    context.strokeStyle = context.fillStyle = person.color;
    context.lineWidth = 2;
    context.beginPath();
    person.trail.forEach((place, index) => (index ? context.lineTo(...at(place)) : context.moveTo(...at(place))));
    context.stroke();
    context.globalAlpha = alpha;
    const [x, y] = at(person.xyz);
    context.beginPath();
    context.arc(x, y, 6, 0, 7);
    if (person.state === "tracked") context.fill();
    context.setLineDash(person.state === "tracked" ? [] : [2, 2]);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + 12 * Math.cos(person.heading), y - 12 * Math.sin(person.heading));
    context.stroke();
    if (state.selected === person.id) {
      context.lineWidth = 3;
      context.beginPath();
      context.arc(x, y, 11, 0, 7);
      context.stroke();
    }
    chromm.plate(context, String(person.id), x, y - 9, person.color, taken, Math.max(alpha, 0.25));
    spots.push({ id: person.id, x, y });
  }
  return spots;
};

chromm.drawGrid = (context, width, height, at, scale, ink) => {
  const [x, y] = at([0, 0]);
  context.globalAlpha = 0.1;
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.beginPath();
  for (let line = x % scale; line < width; line += scale) context.moveTo(line, 0), context.lineTo(line, height);
  for (let line = y % scale; line < height; line += scale) context.moveTo(0, line), context.lineTo(width, line);
  context.stroke();
  context.globalAlpha = 0.6;
  context.fillStyle = ink;
  context.font = "10px system-ui, sans-serif";
  context.fillText("grid 1 m", 4, height - 4);
  context.globalAlpha = 1;
};

// A camera and what it can see up to three metres away.
chromm.drawWedge = (context, camera, at, scale, ink, fade) => {
  const [x, y] = at(camera.place.xy);
  const { yaw, fov } = camera.place;
  context.fillStyle = context.strokeStyle = chromm.isFine(camera) ? ink : "#d03232";
  context.globalAlpha = 0.09 * Math.max(fade, 0.4);
  context.beginPath();
  context.moveTo(x, y);
  context.arc(x, y, 3 * scale, -yaw - fov / 2, -yaw + fov / 2);
  context.fill();
  context.globalAlpha = 0.85;
  context.beginPath();
  context.arc(x, y, 3.5, 0, 7);
  context.fill();
  context.font = "10px system-ui, sans-serif";
  const text = context.measureText(camera.name).width;
  const left = Math.min(Math.max(2, x - text / 2), context.canvas.clientWidth - text - 2);
  context.fillText(camera.name, left, y > 16 ? y - 6 : y + 14);
  context.globalAlpha = 1;
};

// Delay and rate over the last minute; where nothing came there is a gap.
chromm.drawPlot = (canvas, series, since, usual, color, unit) => {
  const { context, width, height } = chromm.begin(canvas);
  const ink = chromm.ink();
  const span = 60;
  const shown = series.map(([time, value]) => [time - since, value]).filter(([time]) => time > -span);
  const most = Math.max(...shown.map(([, value]) => value ?? 0), 1e-3) * 1.15;
  const x = (time) => width * (1 + time / span);
  const y = (value) => height - 2 - (height - 14) * (value / most);
  const came = shown.filter(([, value]) => value !== null);
  context.fillStyle = "rgba(208, 50, 50, 0.16)";
  came.concat([[0, null]]).forEach(([time], index, all) => {
    if (index && time - all[index - 1][0] > Math.max(2 * usual, 1)) {
      context.fillRect(x(all[index - 1][0]), 0, x(time) - x(all[index - 1][0]), height);
    }
  });
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.beginPath();
  came.forEach(([time, value], index) => {
    const gap = !index || time - came[index - 1][0] > Math.max(2 * usual, 1);
    if (gap) context.moveTo(x(time), y(value));
    else context.lineTo(x(time), y(value));
  });
  context.stroke();
  context.fillStyle = ink;
  context.globalAlpha = 0.75;
  context.font = "10px system-ui, sans-serif";
  const last = came.length ? came[came.length - 1][1] : null;
  context.fillText(`${unit}${last === null ? "" : `: ${last}`}, up to ${(most / 1.15).toFixed(most < 20 ? 1 : 0)}`, 3, 10);
  context.globalAlpha = 1;
};
