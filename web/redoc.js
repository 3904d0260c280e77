// ReDoc over this program's own openapi.json, in the colours of page.css and with the fonts of the
// reader's own machine.

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--page-${name}`).trim();
const font = colour("font");
const monospace = 'ui-monospace, Menlo, Consolas, "Liberation Mono", monospace';
const responseTab = (main) => ({ color: main, backgroundColor: colour("raised") });

const theme = {
  colors: {
    primary: { main: colour("accent") },
    error: { main: colour("danger") },
    text: { primary: colour("text"), secondary: colour("quiet") },
    border: { light: colour("line"), dark: colour("line") },
    gray: { 50: colour("raised"), 100: colour("raised") },
    responses: {
      success: responseTab(colour("text")),
      error: responseTab(colour("danger")),
      redirect: responseTab(colour("text")),
      info: responseTab(colour("text")),
    },
  },
  schema: {
    linesColor: colour("line"),
    typeNameColor: colour("quiet"),
    typeTitleColor: colour("quiet"),
    requireLabelColor: colour("danger"),
    nestedBackground: colour("raised"),
    arrow: { color: colour("quiet") },
  },
  typography: {
    fontFamily: font,
    headings: { fontFamily: font, fontWeight: "600" },
    code: { fontFamily: monospace, color: colour("code"), backgroundColor: colour("raised") },
    links: { color: colour("accent"), visited: colour("accent"), hover: colour("accent") },
  },
  sidebar: { backgroundColor: colour("raised"), textColor: colour("text"), activeTextColor: colour("accent") },
  rightPanel: { backgroundColor: colour("panel") },
  fab: { backgroundColor: colour("raised"), color: colour("accent") },
};

Redoc.init(
  "openapi.json",
  {
    scrollYOffset: ".page-header",
    hideDownloadButton: true, // the header has the link
    nativeScrollbars: true,
    theme,
  },
  document.getElementById("redoc"),
);

// ReDoc takes its colours once.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
