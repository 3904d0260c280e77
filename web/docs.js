// Swagger UI over this program's own openapi.json.

const dark = matchMedia("(prefers-color-scheme: dark)");
const followColours = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
followColours();
dark.addEventListener("change", followColours);

const plugin = ({ React }) => ({
  statePlugins: {
    auth: {
      wrapActions: {
        // People log in with a username and a password alone. An OAuth2 client has an id and a secret as
        // well: docs.css hides their fields, and this keeps them, empty, out of an Authorization header.
        authorizePassword: (authorize) => (form) =>
          authorize({ ...form, passwordType: "request-body" }),
      },
    },
    err: {
      wrapActions: {
        newAuthErr: (add) => (error) =>
          add({ ...error, message: error.message.replace(/^Error: /, "") }),
      },
    },
  },
  wrapComponents: {
    // The Authorize dialog says what is wrong with a login; the page behind it need not say it again.
    errors: (Original) => (props) => {
      const allErrors = () =>
        props.errSelectors.allErrors().filter((error) => error.get("source") !== "auth");
      const errSelectors = { ...props.errSelectors, allErrors };
      return React.createElement(Original, { ...props, errSelectors });
    },
  },
});

// HTTP/1.1's "Unauthorized" says less than what the server answers: {"detail": "a sentence"}.
function sayDetail(response) {
  if (!response.ok && typeof response.body?.detail === "string")
    response.statusText = response.body.detail;
  return response;
}

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [plugin],
  responseInterceptor: sayDetail,
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null, // by default another host is asked to judge the document
});

// Enter in the Authorize dialog presses its button.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("#oauth_username, #oauth_password"))
    event.target.closest(".auth-container").querySelector("button.authorize").click();
});
