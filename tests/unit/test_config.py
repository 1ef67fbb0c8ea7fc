"""Settings: flags before variables before file, and every fault told at once."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from heliograph import config
from heliograph.config import Settings
from heliograph.model.errors import Misconfigured
from heliograph.setting_values import ListenAddress


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for setting in fields(Settings):
        monkeypatch.delenv(config.variable_of(setting), raising=False)


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("heliograph.toml").write_text('port = 1001\nhost = "file"\ndrain = 5\n')
    monkeypatch.setenv("HELIOGRAPH_PORT", "1002")
    monkeypatch.setenv("HELIOGRAPH_HOST", "variable")
    settings = config.load({"port": "1003", "host": None})
    assert (settings.port, settings.host, settings.drain) == (
        1003,
        "variable",
        timedelta(seconds=5),
    )


def test_without_anything_there_are_defaults() -> None:
    assert config.load({}) == Settings()


def test_the_servers_own_address_says_whether_it_speaks_tls() -> None:
    plain, tls = {"host": "0.0.0.0"}, {"host": "::", "tls_cert": "a.pem", "tls_key": "b.pem"}
    assert config.load(plain).local_url == "http://127.0.0.1:8400"
    assert config.load(tls).base_url == "https://[::]:8400"
    assert config.load(tls).local_url == "https://[::1]:8400"
    assert config.load({**tls, "url": "https://a.example/p/"}).base_url == "https://a.example/p"


def test_all_faults_are_told_at_once_with_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("heliograph.toml").write_text('prot = 1\ncontact = "ops"\n')
    monkeypatch.setenv("HELIOGRAPH_ALLOW_PRIVATE_ENDPOINTS", "10.0.0.1/8")
    with pytest.raises(Misconfigured) as refused:
        config.load({"port": "70000"})
    told = str(refused.value)
    assert "prot in heliograph.toml is not a setting, did you mean port?" in told
    assert "contact in heliograph.toml must be like mailto:" in told
    assert "HELIOGRAPH_ALLOW_PRIVATE_ENDPOINTS must be networks" in told
    assert "--port must be a number from 1 to 65535" in told


@pytest.mark.parametrize("days", ["1", "0", "-2", "2.5", "3651", "two", ""])
def test_publishes_are_kept_for_two_days_at_least(days: str) -> None:
    with pytest.raises(Misconfigured, match="--publish-retention must be a number of days from 2"):
        config.load({"publish_retention": days})
    assert config.load({"publish_retention": "2"}).publish_retention == 2


def test_a_file_that_is_not_toml_is_told() -> None:
    Path("heliograph.toml").write_text("port 1")
    with pytest.raises(Misconfigured, match="can't be read"):
        config.load({})


def test_addresses_for_metrics_and_traces_are_taken_as_they_are_written() -> None:
    there = config.load({"metrics": "[::1]:9400", "otlp_endpoint": "http://127.0.0.1:4318/"})
    assert there.metrics == ListenAddress("::1", 9400)
    assert there.otlp_endpoint == "http://127.0.0.1:4318"
    for wrong in ("9400", ":9400", "127.0.0.1", "::1:9400", "localhost:0"):
        with pytest.raises(Misconfigured, match="--metrics must be"):
            config.load({"metrics": wrong})
    with pytest.raises(Misconfigured, match="OTEL_EXPORTER_OTLP_HEADERS") as refused:
        config.load({"otlp_endpoint": "http://user:hidden@example.com"})
    assert "hidden" not in str(refused.value)


def test_the_master_key_does_not_show_itself() -> None:
    key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    settings = config.load({"master_key": key})
    assert settings.master_key is not None
    assert settings.master_key.value == bytes(range(32))
    assert key not in repr(settings)
    with pytest.raises(Misconfigured) as refused:
        config.load({"master_key": key[4:]})
    assert key[4:] not in str(refused.value)


def test_workers_are_a_number_one_machine_could_have_and_have_something_to_do() -> None:
    assert config.load({"workers": "64"}).workers == 64
    assert config.load({"workers": "0", "roles": "none"}).workers == 0
    for wrong in ("65", "-1", "auto"):
        with pytest.raises(Misconfigured, match="--workers must be a number from 0 to 64"):
            config.load({"workers": wrong})
    with pytest.raises(Misconfigured, match="workers have nothing to do with roles none"):
        config.load({"workers": "2", "roles": "none"})
