// Swagger UI over this program's own openapi.json.

const dark = matchMedia("(prefers-color-scheme: dark)");
const followColours = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
followColours();
dark.addEventListener("change", followColours);

// People log in with a username and a password alone. An OAuth2 client has an id and a secret as well;
// docs.css hides their fields, and with this they are not sent empty in an Authorization header.
const withoutClient = {
  statePlugins: {
    auth: {
      wrapActions: {
        authorizePassword: (authorize) => (form) => authorize({ ...form, passwordType: "request-body" }),
      },
    },
  },
};

window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [() => withoutClient],
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null, // by default the document is shown to another host
});

// Enter in the Authorize dialog presses its button.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
  event.target.closest(".auth-container")?.querySelector("button.authorize")?.click();
});
