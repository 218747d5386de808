const colours = {
  slipway: '#1f6feb',
  'slipway executable': '#0b3d91',
  'slipway --verify diffid': '#79b8ff',
  skopeo: '#8b949e',
  crane: '#bf8700',
  regctl: '#8250df',
  oras: '#1a7f37',
};
const barHeight = 14;
const width = 900;
const left = 330;

/**
 * Bars of wall time by case and program, each case on a scale of its own: what matters is who is longer, and by how
 * much.
 */
export function plot(summary) {
  const shapes = [];
  let y = 44;
  for (const { title, form, rows } of summary) {
    const { wallRatio } = rows[0];
    const most = Math.max(...rows.map(({ wall }) => wall));
    shapes.push(text(left - 12, y + barHeight - 3, `${title} · ${form}`, 'end', 'bold'));
    if (wallRatio !== undefined)
      shapes.push(text(left - 12, y + 2 * barHeight, `${wallRatio.toFixed(2)} of the best other`, 'end'));
    for (const { program, wall, cpu } of rows) {
      const length = (wall / most) * (width - left - 250);
      const hue = colours[program] ?? '#57606a';
      shapes.push(`<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight - 3}" fill="${hue}"/>`);
      const told = `${program} ${wall.toFixed(2)} s${cpu === undefined ? '' : ` (${cpu.toFixed(2)} s CPU)`}`;
      shapes.push(text(left + length + 6, y + barHeight - 5, told));
      y += barHeight;
    }
    y += Math.max(0, 2 - rows.length) * barHeight + 12;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 8}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    text(
      12,
      22,
      'Wall time of whole pushes (pull: of a pull), median; each case has a scale of its own',
      'start',
      'bold',
    ),
    ...shapes,
    '</svg>',
    '',
  ].join('\n');
}

function text(x, y, content, anchor = 'start', weight = 'normal') {
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}" font-weight="${weight}" fill="#24292f">${escaped}</text>`;
}
