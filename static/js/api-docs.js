// The documentation of the API: Swagger UI on the document this server gives.
const place = document.getElementById("swagger-ui");
window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  displayOperationId: true,
  filter: true,
  tryItOutEnabled: false,
  validatorUrl: null,
});
