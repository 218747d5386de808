const [width, height] = [760, 420];
const [left, right, top, bottom] = [70, 30, 50, 60];
const colours = { '@slipway/deflate': '#0b6e4f', 'node:zlib': '#c0392b', fflate: '#8e6c1f' };

/**
 * An SVG of rows `{ group, level, percent, best }`: speed to the right, size upwards, so the best place is the lower
 * right.
 */
export function plot(rows, caption) {
  const fastest = Math.ceil(Math.max(...rows.map((row) => row.best)) / 20) * 20;
  const sizes = rows.map((row) => row.percent);
  const [least, most] = [Math.floor(Math.min(...sizes) - 0.3), Math.ceil(Math.max(...sizes) + 0.3)];
  const x = (speed) => left + (speed / fastest) * (width - left - right);
  const y = (percent) => top + ((most - percent) / (most - least)) * (height - top - bottom);
  const parts = [];
  for (let speed = 0; speed <= fastest; speed += 20) {
    parts.push(line(x(speed), top, x(speed), height - bottom, '#e3e3e3'));
    parts.push(text(x(speed), height - bottom + 18, speed, 'middle'));
  }
  for (let percent = least; percent <= most; percent += 1) {
    parts.push(line(left, y(percent), width - right, y(percent), '#e3e3e3'));
    parts.push(text(left - 8, y(percent) + 4, `${percent} %`, 'end'));
  }
  for (const [i, [group, colour]] of Object.entries(colours).entries()) {
    const points = rows.filter((row) => row.group === group);
    const path = points.map((row) => `${x(row.best).toFixed(1)},${y(row.percent).toFixed(1)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`);
    for (const row of points) {
      parts.push(`<circle cx="${x(row.best).toFixed(1)}" cy="${y(row.percent).toFixed(1)}" r="4" fill="${colour}"/>`);
      parts.push(text(x(row.best) + 7, y(row.percent) - 6, row.level, 'start', colour));
    }
    parts.push(`<circle cx="${left + 8 + i * 160}" cy="36" r="4" fill="${colour}"/>`);
    parts.push(text(left + 18 + i * 160, 40, group, 'start', colour));
  }
  parts.push(text(left, 20, 'Size of the output against speed; numbers are levels, lower right is better', 'start'));
  parts.push(text(width - right, height - 14, caption, 'end', '#777'));
  parts.push(text(left, height - 14, 'MiB/s a core', 'start'));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}

function line(x1, y1, x2, y2, colour) {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${colour}"/>`;
}

function text(x, y, words, anchor, colour = '#333') {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${words}</text>`;
}
