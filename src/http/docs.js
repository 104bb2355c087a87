window.addEventListener("load", function () {
  SwaggerUIBundle({
    url: "openapi.yaml",
    dom_id: "#page",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});
