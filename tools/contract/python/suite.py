"""Makes every call that this project uses with the official Python SDK, against the simulator."""

from datetime import datetime, timedelta, timezone

from metorial._generated.magnetar.endpoints.token import MetorialTokenEndpoint

from harness import call, client, is_recent, last_query, limit, quirk, raw, refusal, same, write_only

CREDENTIALS = "/provider-auth-credentials"
AUTH_CONFIGS = "/provider-auth-configs"
IMPORTS = "/provider-auth-config-imports"
EXPORTS = "/provider-auth-config-exports"
CONFIGS = "/provider-configs"
VAULTS = "/provider-config-vaults"
DEPLOYMENTS = "/provider-deployments"
METHODS = "/provider-auth-methods"
NESTED = "/provider-deployments/:id/auth-configs/:id/exports"
SEARCH = {"type": "tool_keys", "keys": ["search"]}

metorial = client()
deployments = metorial.provider_deployments
credentials = deployments.auth_credentials
auth_configs = deployments.auth_configs
imports = auth_configs.imports
exports = auth_configs.exports
configs = deployments.configs
vaults = deployments.config_vaults
methods = metorial.providers.auth_methods


def method_of(provider, key):
    found = methods.list(provider_version_id=provider.current_version.id).items
    return next(method.id for method in found if method.key == key)


def deployment_of(provider):
    return deployments.list(provider_id=provider.id).items[0].id


def ids_of(page):
    return [item.id for item in page.items]


def life_of(endpoint, path, made):
    """Lists, gets, updates and deletes an object that was just created."""

    @call(f"GET {path}")
    def listed():
        page = same(endpoint.list(limit=100), raw(f"{path}?limit=100"))
        assert made.id in ids_of(page)

    @call(f"GET {path}/:id")
    def read():
        same(endpoint.get(made.id), raw(f"{path}/{made.id}"))

    @call(f"PATCH {path}/:id")
    def renamed():
        after = same(endpoint.update(made.id, name="Renamed"), raw(f"{path}/{made.id}"))
        assert after.name == "Renamed" and after.metadata == made.metadata
        assert after.updated_at > made.updated_at

    @call(f"DELETE {path}/:id")
    def archived():
        gone = endpoint.delete(made.id)
        assert (gone.id, gone.status) == (made.id, "archived")
        left = same(endpoint.get(made.id), raw(f"{path}/{made.id}"))
        assert left.status == "archived"


def without_null(endpoint, path, filtered):
    """Shows that the null that would remove a filter is not sent."""

    @limit("P5", f"PATCH {path}/:id")
    def left_out():
        after = endpoint.update(filtered.id, tool_filters=None)
        assert after.tool_filter == {"type": "filter", "filters": [SEARCH]}


def reads():
    @call("GET /instance")
    def instance():
        instance = same(metorial.instance.get(), raw("/instance"))
        assert instance.id.startswith("ins_") and instance.type == "development"
        assert instance.project.object == "organization.project"
        is_recent(instance.created_at)

    @call("GET /token")
    def own_token():
        own = same(MetorialTokenEndpoint(metorial.instance.manager).get(), raw("/token"))
        assert own.object == "token" and own.instance.id == metorial.instance.get().id
        assert own.project.id == own.instance.project_id and own.user is None

    @limit("P8", "GET /token")
    def without_token():
        assert not hasattr(metorial, "token")

    @call("GET /providers/:id")
    def provider():
        provider = same(metorial.providers.get("github"), raw("/providers/github"))
        assert (provider.slug, provider.publisher.name) == ("github", "Metorial")
        assert provider.current_version.provider_id == provider.id
        assert provider.created_at == datetime(2026, 1, 10, 14, 45, tzinfo=timezone.utc)
        assert provider.oauth.callback_url.startswith("https:")
        assert provider.oauth.auto_registration.status == "unsupported"

    @call(f"GET {METHODS}/:id")
    def method():
        method = same(methods.get(oauth), raw(f"{METHODS}/{oauth}"))
        assert (method.type, method.key, method.scopes[0].scope) == ("oauth", "oauth2", "repo")
        assert method.output_schema.schema["required"] == ["accessToken"]

    @call("GET /provider-config-schema")
    def config_schema():
        found = same(
            configs.get_config_schema(provider_id=postgres.id), raw(f"/provider-config-schema?provider_id={postgres.id}")
        )
        assert (found.visibility, found.schema.schema["properties"]["readOnly"]) == ("plain", {"type": "boolean"})
        assert configs.get_config_schema(provider_id=github.id).schema is None

    @call(f"GET {IMPORTS}/schema")
    def import_schema():
        shadowed = refusal(lambda: imports.get_schema(provider_auth_method_id=token))
        assert (shadowed.status, shadowed.body["id"]) == (404, "schema")
        with quirk("ImportSchemaShadowed", False):
            path = f"{IMPORTS}/schema?provider_auth_method_id={token}"
            found = same(imports.get_schema(provider_auth_method_id=token), raw(path))
            assert (found.visibility, found.schema.schema["required"]) == ("encrypted", ["token"])


def of_credentials():
    made = []

    @call(f"POST {CREDENTIALS}")
    def create():
        custom = {"some_team": "x", "nested": {"a_b": None}}
        config = {"type": "oauth", "client_id": "client", "client_secret": "hush", "scopes": ["repo", "read:user"]}
        app = credentials.create(provider_id="github", name="App", description="Of a team", metadata=custom, config=config)
        made.append(same(app, raw(f"{CREDENTIALS}/{app.id}")))
        assert app.id.startswith("par_") and app.provider_id == github.id
        assert (app.name, app.description, app.metadata) == ("App", "Of a team", custom)
        assert (app.scopes, app.is_default, app.is_managed) == (["repo", "read:user"], False, False)
        is_recent(app.created_at)
        assert write_only(app.id) == {"client_id": "client", "client_secret": "hush"}

    @call(f"PATCH {CREDENTIALS}/:id")
    def rotate():
        after = credentials.update(made[0].id, client_secret="louder", scopes=["repo"])
        assert after.scopes == ["repo"] and after.name == "App"
        assert write_only(after.id) == {"client_id": "client", "client_secret": "louder"}
        made[0] = after

    life_of(credentials, CREDENTIALS, made[0])


def of_auth_configs():
    made = {}

    @call(f"POST {AUTH_CONFIGS}")
    def create():
        value = {"accessToken": "hush", "refreshToken": "hush too"}
        config = auth_configs.create(
            provider_auth_method_id=oauth,
            provider_deployment_id=deployment_of(github),
            value=value,
            name="A person's",
            metadata={"by": "contract"},
            tool_filters=SEARCH,
        )
        made["config"] = same(config, raw(f"{AUTH_CONFIGS}/{config.id}"))
        assert config.id.startswith("pac_")
        assert (config.name, config.source, config.auth_method.key) == ("A person's", "manual", "oauth2")
        assert (config.deployment.name, config.metadata) == ("GitHub", {"by": "contract"})
        assert config.tool_filter == {"type": "filter", "filters": [SEARCH]}
        assert write_only(config.id) == {"value": value}
        is_recent(config.updated_at)

    config = made["config"]

    without_null(auth_configs, AUTH_CONFIGS, config)
    of_imports(config)
    of_exports(config)
    life_of(auth_configs, AUTH_CONFIGS, auth_configs.get(config.id))

    shown_in = [f"{verb} {AUTH_CONFIGS}" for verb in ("GET", "POST")]
    shown_in += [f"{verb} {AUTH_CONFIGS}/:id" for verb in ("GET", "PATCH", "DELETE")]
    shown_in += [row.format(path) for path in (IMPORTS, EXPORTS) for row in ("GET {}", "GET {}/:id", "POST {}")]

    @limit("P2", f"GET {METHODS}/:id", *shown_in)
    def null_scopes():
        of_token = auth_configs.create(provider_auth_method_id=token, value={"token": "hush"}).id
        imported = imports.list(order="desc", limit=1).items[0].id
        exported = exports.create(provider_auth_config_id=of_token, note="Seen").id
        before = [len(endpoint.list(limit=100).items) for endpoint in (auth_configs, exports)]
        with quirk("ScopesNullWithoutOauth", True):
            for fails in (
                lambda: methods.get(token),
                lambda: auth_configs.list(),
                lambda: auth_configs.create(provider_auth_method_id=token, value={"token": "hush"}),
                lambda: auth_configs.get(of_token),
                lambda: auth_configs.update(of_token, name="Changed all the same"),
                lambda: imports.list(),
                lambda: imports.get(imported),
                lambda: imports.create(provider_id=linear.id, note="Made all the same", value={"token": "hush"}),
                lambda: exports.list(),
                lambda: exports.get(exported),
                lambda: exports.create(provider_auth_config_id=of_token, note="Handed out all the same"),
                lambda: auth_configs.delete(of_token),
            ):
                try:
                    fails()
                except TypeError:
                    continue
                raise AssertionError("null scopes were decoded")
        left = auth_configs.get(of_token)
        assert (left.name, left.status) == ("Changed all the same", "archived")
        # The create and the import add two auth configs and the delete removes one; the export adds one export.
        after = [len(endpoint.list(limit=100).items) for endpoint in (auth_configs, exports)]
        assert after == [before[0] + 1, before[1] + 1], (before, after)


def of_imports(config):
    @call(f"POST {IMPORTS}")
    def create():
        value = {"accessToken": "renewed", "expiresAt": "2099-01-02T03:04:05.000Z"}
        made = imports.create(provider_auth_config_id=config.id, note="Renewed", value=value)
        same(made, raw(f"{IMPORTS}/{made.id}"))
        assert made.id.startswith("paci_")
        assert (made.note, made.auth_config.id, made.auth_method_id) == ("Renewed", config.id, oauth)
        assert made.expires_at == datetime(2099, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
        assert write_only(config.id)["value"] == value
        another = imports.create(provider_id=linear.id, note="New", value={"token": "hush"}, metadata={"a_b": 1})
        assert another.auth_config.id != config.id and another.auth_config.metadata == {"a_b": 1}

    @call(f"GET {IMPORTS}")
    def listed():
        page = same(imports.list(), raw(IMPORTS))
        assert any(item.note is None for item in page.items), "a create wrote an import too"
        of = imports.list(provider_auth_config_id=config.id).items
        assert [item.auth_config.id for item in of] == [config.id, config.id]

    @call(f"GET {IMPORTS}/:id")
    def read():
        [newest] = imports.list(limit=1, order="desc").items
        assert same(imports.get(newest.id), raw(f"{IMPORTS}/{newest.id}")).note == "New"


def of_exports(config):
    made = []

    @call(f"POST {EXPORTS}")
    def create():
        export = exports.create(provider_auth_config_id=config.id, note="For the vault", metadata={"by": "contract"})
        assert export.id.startswith("pace_") and export.value["accessToken"] == "renewed"
        assert (export.note, export.metadata) == ("For the vault", {"by": "contract"})
        same(export, {**raw(f"{EXPORTS}/{export.id}"), "value": export.value})
        made.append(export.id)

    @call(f"GET {EXPORTS}")
    def listed():
        page = exports.list(provider_auth_config_id=config.id)
        same(page, raw(f"{EXPORTS}?provider_auth_config_id={config.id}"))
        assert ids_of(page) == made

    @call(f"GET {EXPORTS}/:id")
    def read():
        export = same(exports.get(made[0]), raw(f"{EXPORTS}/{made[0]}"))
        assert (export.auth_config.id, export.value) == (config.id, None)

    @limit("P6", f"GET {NESTED}", f"POST {NESTED}", f"GET {NESTED}/:id")
    def nested():
        with quirk("FlatExports", False):
            for unknown in (
                exports.list,
                lambda: exports.create(provider_auth_config_id=config.id, note="Nowhere"),
                lambda: exports.get(made[0]),
            ):
                assert refusal(unknown).body["entity"] == "endpoint"


def of_configs_and_vaults():
    made = {}

    @call(f"POST {VAULTS}")
    def create_vault():
        vault = vaults.create(
            provider_id=postgres.id,
            provider_deployment_id=deployment_of(postgres),
            name="Shared",
            value={"readOnly": True},
        )
        made["vault"] = same(vault, raw(f"{VAULTS}/{vault.id}"))
        assert vault.id.startswith("pcvt_") and vault.provider_id == postgres.id
        assert (vault.name, vault.deployment.name) == ("Shared", "PostgreSQL")
        assert write_only(vault.id) == {"value": {"readOnly": True}}

    @call(f"POST {CONFIGS}")
    def create_config():
        vault = made["vault"]
        of_vault = configs.create(provider_id=postgres.id, provider_config_vault_id=vault.id, name="From the vault")
        same(of_vault, raw(f"{CONFIGS}/{of_vault.id}"))
        assert of_vault.from_vault.id == vault.id
        value = {"statementTimeoutMs": 5000}
        config = configs.create(provider_id=postgres.id, name="Own", value=value, tool_filters=[SEARCH])
        made["config"] = same(config, raw(f"{CONFIGS}/{config.id}"))
        assert config.id.startswith("pcf_") and config.from_vault is None
        assert (config.name, config.specification_id) == ("Own", postgres.current_version.specification_id)
        assert config.tool_filter == {"type": "filter", "filters": [SEARCH]}
        assert write_only(config.id)["value"] == value

    without_null(configs, CONFIGS, made["config"])
    of_deployments(made["config"])
    life_of(configs, CONFIGS, made["config"])
    life_of(vaults, VAULTS, made["vault"])
    of_lists(made["vault"])
    of_errors(made["config"])


def of_deployments(config):
    made = []

    @call(f"POST {DEPLOYMENTS}")
    def create():
        version = linear.current_version.id
        deployment = deployments.create(
            provider_id="linear",
            name="Pinned",
            description="Of a team",
            metadata={"some_team": "x"},
            locked_provider_version_id=version,
            tool_filters=[SEARCH],
        )
        made.append(same(deployment, raw(f"{DEPLOYMENTS}/{deployment.id}")))
        assert deployment.id.startswith("pde_") and deployment.provider_id == linear.id
        assert (deployment.name, deployment.locked_version.id) == ("Pinned", version)
        assert deployment.tool_filter == {"type": "filter", "filters": [SEARCH]}
        unasked = configs.get(deployment.default_config.id)
        assert (unasked.name, unasked.metadata) == ("Default Config for Pinned", {"some_team": "x"})
        named = deployments.create(provider_id=postgres.id, provider_config_id=config.id)
        assert named.default_config.id == config.id
        value = {"readOnly": True}
        inline = deployments.create(provider_id=postgres.id, name="Inline", provider_config={"value": value})
        assert write_only(inline.default_config.id)["value"] == value
        is_recent(deployment.updated_at)

    @call(f"PATCH {DEPLOYMENTS}/:id")
    def refilter():
        after = deployments.update(made[0].id, tool_filters=[], description="Of all")
        assert (after.tool_filter, after.description) == ({"type": "allow_all"}, "Of all")
        version = linear.current_version.id
        again = deployments.update(made[0].id, locked_provider_version_id=version)
        assert again.locked_version.id == version
        made[0] = again

    @limit("P5", f"PATCH {DEPLOYMENTS}/:id")
    def stays_pinned():
        after = deployments.update(made[0].id, locked_provider_version_id=None)
        assert after.locked_version.id == linear.current_version.id
        made[0] = after

    life_of(deployments, DEPLOYMENTS, made[0])


def of_lists(archived):
    start = datetime.now(timezone.utc) - timedelta(milliseconds=1)
    names = ("one", "two", "three", "four", "five")
    ids = [vaults.create(provider_id=postgres.id, name=name, value={}).id for name in names]

    @call("lists: limit, after, before, order")
    def pages():
        first = vaults.list(limit=2, id=ids)
        assert ids_of(first) == ids[:2]
        assert (first.pagination.has_more_before, first.pagination.has_more_after) == (False, True)
        rest = vaults.list(limit=3, id=ids, after=ids[1])
        assert ids_of(rest) == ids[2:]
        assert (rest.pagination.has_more_before, rest.pagination.has_more_after) == (True, False)
        assert ids_of(vaults.list(limit=2, id=ids, before=ids[3])) == ids[1:3]
        assert ids_of(vaults.list(id=ids, order="desc")) == ids[::-1]

    @call("lists: arrays of ids and states")
    def arrays():
        many = [f"pcvt_{number}" for number in range(95)] + ids
        assert ids_of(vaults.list(id=many, limit=100)) == ids
        assert ids_of(vaults.list(id=[archived.id])) == []
        assert ids_of(vaults.list(id=archived.id, status=["active", "archived"])) == [archived.id]

    @limit("P3", "lists: ranges of times")
    def ranges():
        error = refusal(lambda: vaults.list(created_at={"gt": start.isoformat()}))
        assert (error.status, error.body["errors"][0]["path"]) == (400, ["created_at"])
        assert last_query() == "created_at=gt"


def of_errors(archived):
    @call("errors: 400 with errors[]")
    def invalid():
        error = refusal(lambda: configs.create(provider_id=postgres.id, value={"statementTimeoutMs": "long"}))
        assert (error.status, error.body["code"]) == (400, "invalid_data")
        assert error.body["entity"] == "provider.config"
        assert error.body["errors"][0]["path"] == ["statementTimeoutMs"]

    @call("errors: 401")
    def stranger():
        error = refusal(client("metorial_sk_nobodys").instance.get)
        assert (type(error).__name__, error.status) == ("AuthenticationError", 401)

    @call("errors: 404")
    def unknown():
        error = refusal(lambda: configs.get("pcf_nothing"))
        assert (type(error).__name__, error.status) == ("NotFoundError", 404)
        assert (error.body["entity"], error.body["id"]) == ("provider.config", "pcf_nothing")

    @call("errors: 410")
    def gone():
        error = refusal(lambda: configs.update(archived.id, name="Too late"))
        assert (error.status, error.body["code"]) == (410, "gone")

    @limit("P4", "errors: 400 with errors[]", "errors: 401", "errors: 404", "errors: 410")
    def only_the_body_tells():
        for refused in (
            lambda: configs.create(provider_id=postgres.id, value={"statementTimeoutMs": "long"}),
            client("metorial_sk_nobodys").instance.get,
            lambda: configs.get("pcf_nothing"),
            lambda: configs.delete(archived.id),
        ):
            error = refusal(refused)
            assert (error.code, error.entity, error.validation_errors) == ("API_ERROR", None, None)
            assert error.request_id is None


@limit("P1", "header Metorial-Version")
def without_a_version():
    error = refusal(metorial.instance.get)
    assert (error.status, error.body["entity"]) == (404, "endpoint")


# From here on the simulator serves requests without a version, and returns an empty list instead of null for scopes.
with quirk("UnknownVersionIsOld", False), quirk("ScopesNullWithoutOauth", False):
    github, linear, postgres = (metorial.providers.get(slug) for slug in ("github", "linear", "postgres"))
    oauth, token = method_of(github, "oauth2"), method_of(linear, "token")
    reads()
    of_credentials()
    of_auth_configs()
    of_configs_and_vaults()
