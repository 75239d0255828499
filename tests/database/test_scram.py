"""What a server keeps of a password, against PostgreSQL's own answers."""

import pytest

from bus.database import scram

# Made by PostgreSQL 17: ALTER ROLE x PASSWORD '...'; SELECT rolpassword FROM pg_authid.
MADE_BY_THE_SERVER = {
    "s3cret": "SCRAM-SHA-256$4096:bYkL9MnqX/FRdJLC8xW0hQ==$"
    "TKiFTuXzLfEuzJPGOtwuPlnOAenpx0fr+0raoBFEx7s=:Z1cIneymGADpKqOaZr9ZMz+Q86GWpFJ/cjipxXcD/J4=",
    "pass word": "SCRAM-SHA-256$4096:2fb3a7Oih4oZEQut1+YXUQ==$"
    "ZFhKkglej617hK2ig0DKTaH3isQBauCRvMdRztZyhKE=:x6t5+aR4p1eklHAQ5b+JU6QQhtSNEhYmFJ2Oza8XwYM=",
    "\xe9": "SCRAM-SHA-256$4096:WPTwuPTxbi5COqVrmQ0KkQ==$"
    "kCXA7tIT3rc2IbxloQzsP/vhCEFB+K/zME6X2+twxRw=:MAiz+BnejWWXsXbepBSmT3x5PDHfVbQCyvnWW3onCpY=",
    "x\xa0y": "SCRAM-SHA-256$4096:Sl0MWxPn5qawA3KlQDCofw==$"
    "jl2F92vlio4Plh+i1MrDB9Jze1PkfyB2bYVC/WrMCDk=:jtZp7i6YtxTcnviuJSbGBsRHPtpEi75ZZ4ub2xtPGYI=",
    "\u2168": "SCRAM-SHA-256$4096:fiMFpG8fymMU3e0Af1hf5Q==$"
    "0jk+LArUbwwt93piZSwhnCN0dKT/y3R9RbLiDV4TRpo=:Y8upy5Gdz6zRN03XJVcc9SrJSy7VC6ycX5YirdXt8CE=",
    "I\xadX": "SCRAM-SHA-256$4096:ss5AjgTQwHsCvhINYrx5rA==$"
    "KNxxfkEhPPQ9ojkaY987ULNeVULk9rP0LrCwno68lnM=:Pi4awmmXBq1SS20OVhiFd3ZrbtEYHeTHpCZ4ZOfVbRA=",
    "\u0627\u0644": "SCRAM-SHA-256$4096:0AyTAln8RAr9ISC9YHERkw==$"
    "KiUlAN17xd4NKEHXBVMpVqisCddaVhh+O7v4A59Mk68=:XSXTx0WifTL4uz1gBEEVnPltVQdeeGwwN9ai6VPijt0=",
    "a\u0627": "SCRAM-SHA-256$4096:XGCjlyFbGEPA4LQIKjtxPw==$"
    "gvxVPTqLnuAHJCilYgRnGJsKw2g186UwX44FcWEce8Y=:CsLaCuraYOAY1OqVlivQ1V9sA+gHbuZ7C2xLv9078kc=",
    "\x07bell": "SCRAM-SHA-256$4096:muNnik0+0w8x7PnrrqnjTg==$"
    "ZB/2O8NarD65lz3LwPnem/mMOO3ARnX6jIHRfrfm3zk=:XHWXF/3HTEq2ojwLO+6t2OZMoxEeefw/JSN9IP/nLm4=",
    "\u2460": "SCRAM-SHA-256$4096:LOutyF2WGcTM9BsEv8ZEng==$"
    "o1UzVF4svTZ3f2e5fC31oarCtAnYzWsrv2HeDnrBwcQ=:Defb36OtfMwFnV9rEWn5Hizn8mptzEdHWDdYnkjq7hI=",
}


@pytest.mark.parametrize("password", MADE_BY_THE_SERVER)
def test_a_password_is_told_from_what_the_server_made_of_it(password: str) -> None:
    kept = MADE_BY_THE_SERVER[password]
    assert scram.matches(kept, password)
    assert not scram.matches(kept, f"{password}x")


@pytest.mark.parametrize("password", ["s3cret", "pass word", "'\"\\$:", "é ü", "x" * 1000])
def test_what_is_made_here_is_told_too_and_is_never_the_same(password: str) -> None:
    first, second = scram.verifier(password), scram.verifier(password)
    assert first != second
    assert scram.matches(first, password) and scram.matches(second, password)
    assert password not in first


@pytest.mark.parametrize(
    "kept",
    [None, "", "md5c5e1ed7b9f8e9e8d9d2ea9e5b4a2d8b1", "SCRAM-SHA-256$", "SCRAM-SHA-256$x:y$z:w", "a$b$c", "a$1:b$c:d"],
)
def test_what_is_no_scram_never_matches(kept: str | None) -> None:
    assert not scram.matches(kept, "s3cret")


def test_an_empty_password_lets_nobody_in_and_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        scram.verifier("")
    assert not scram.matches(scram.verifier("x"), "")
