"""Tests of o2sidecar.signin.logo."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.signin.logo import NO_LOGO, OUR_MARK, Logo


class LogoTests(SynchronousTestCase):
    """Logos come from files and URLs."""

    def test_a_file_travels_in_the_page(self) -> None:
        """A file becomes a data URL with the type of its ending, and needs no image policy."""
        logo = Logo.from_file("brand/Logo.PNG", b"\x89PNG")
        self.assertEqual(logo.url, "data:image/png;base64,iVBORw==")
        self.assertEqual(logo.origins, [])
        self.assertIn('src="data:image/png;base64,iVBORw=="', logo.markup)

    def test_an_unknown_type_is_refused_by_name(self) -> None:
        """The problem names the ending."""
        refused = self.assertRaises(ValueError, Logo.from_file, "logo.gif", b"GIF89a")
        self.assertIn(".gif", str(refused))

    def test_a_large_file_is_refused(self) -> None:
        """A picture that would make every page large is refused."""
        self.assertRaises(ValueError, Logo.from_file, "a.png", b"x" * 11, most=10)

    def test_an_url_is_allowed_by_its_origin(self) -> None:
        """The image policy gets the origin, port included, and no path."""
        self.assertEqual(
            Logo.from_url("https://cdn.example.com:8443/a/b.svg").origins, ["https://cdn.example.com:8443"]
        )

    def test_what_is_no_url_is_refused(self) -> None:
        """Other schemes, no host, and what could end a policy directive are refused (security.md X1)."""
        for url in (
            "javascript:alert(1)",
            "data:text/html,x",
            "https:///x.png",
            "/x.png",
            "https://a.example; script-src *",
            "https://a.example,b/x",
            'https://a.example/"onload=',
            "https://ä.example/x",
        ):
            self.assertRaises(ValueError, Logo.from_url, url)

    def test_without_a_picture_there_is_no_markup(self) -> None:
        """Our own mark is part of our page; templates of others get nothing."""
        self.assertEqual((OUR_MARK.markup, NO_LOGO.markup), ("", ""))
        self.assertEqual((OUR_MARK.shown, NO_LOGO.shown), (True, False))
