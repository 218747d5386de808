/** A file's text, put into the program when it is built. */
declare module '*?raw' {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: that is how bundlers hand such a file out
  export default text;
}
