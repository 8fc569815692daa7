"""7z archives are opened with the methods that they are mostly packed with; other methods, passwords and damage are said."""

from __future__ import annotations

import base64
import gzip
import random
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.residue.formats.containers import seven_zip
from expunge.residue.formats.slices import MemorySlice
from expunge.residue.matching.session import Limits, TooLarge
from tests.residue.planting import SENTENCE, look, text_traces, ways

TRACES = text_traces(SENTENCE)
ARCHIVES = {
    # Two members, a/first.txt and a/notes.txt; the second has the sentence. Written by py7zr 1.1.4.
    "lzma2 (default)": (
        b"H+sCUCma9-A67;Y0RaF200000761SM00000VQ1Vc-~s*seq8`F8cM7Ta>36@8RdgGorK~U-1=)9;?7pLCWLK9kx=i0v)Wo^Tt~8W>D3?(Xg@Kl"
        b"swJS!Oi%68R4;YLyZ%8Z-86<TKDuWbLGhDjdD^vxCCE;g)eN&gG{OrSc~lEc>Dii83*U2ESU@vjyKSgf%NCE4T}anam<^JK007_si~w_8004nA"
        b"2d)p*FUfkAY$pNW?$b*_^siYKWwy%*+G?}%K$RQ?ox*v2ozIeqbI#!lf{zQ-N^bpEPg#lf4@u{IWz6XNw}!nOO??0_8*!e8bqX;6qd#Rch?E4D"
        b"eIUjOVe=OQW#eLAeYlvD@|PvYKmY&$02c;;h5-qC00#>J00AK(0T>K`jQ{`"
    ),
    "lzma": (
        b"H+sCUCma9-&T+P4{r~^~00000761SM00000-B=0s05cj&tPFC&&q*2OgE*ap;u+lfYa8OuR<|aEZAOt$?}M}2T4h{EvUKUyAP#6hF{`R2pv_EA"
        b"?bB2*b;i5?K_}fbhA%$4XBt8AlV*9^wT30gPMFmUvp+P#3mSP;3r*?Snp6wlb6QwHGhw@Js8`DtkCI(T*HM^2G~kQ>;4gpx-~fmKa$NubfinlL"
        b"57jTeA{J~ZA4n@fGHAxYOw&geJ=ft3Wun&!d3S744&4%LmpU_>6QnZXhKS5$Jvg-PIAr?kRBEfNDimTw+l7khU%$1zAp)J1{X8fDJGkGFw%hrF"
        b"Ynx6@LQb*!{dW+aZJ$0gSl|Ev000*TfP?`FdH@Ft0RRCZApsZ+fQbMA"
    ),
    "delta lzma2": (
        b"H+sCUCma9-&4g<369E7K00000761SM000003p}9Z-~s*slwANb0KFgA9B`^g1DGFqtiMo(9jq{B9G<MLiFn4&OI4gz9M@2v?0j@fg)Wm3=cL|~"
        b"%a(`w!5e_|d%%5Or9n;`ue`pPX&8fia$-e)?&%I!+Z`wc_rCbc(5qoUJS4gDsXRU3N8P={cMxX*tB9A_1FEehtv_bA+A4g-DX~NQs2xOiz-vqL"
        b"bquRFsnN-jKKJJU-~fmKZ(RTYfinlL57jV6NEU1-0pRY_OGR0ed-J6gQ2(j9WTG16tmFPri#A&Uny@pV`=x{@ajo*kFqMpI<uZ;6LFlqQU?==c"
        b"1(R)u>lo&=EOdeCzD@j3=8zij;p_9;Y{1Fb0wyDs&3!}dr)m@c0000N27sIa33mVo3jqKDAt3=641kFM00"
    ),
    "bcj lzma2": (
        b"H+sCUCma9-A67;Y0RaF200000761SM00000VQ1Vc-~s*seq8`F8cM7Ta>36@8RdgGorK~U-1=)9;?7pLCWLK9kx=i0v)Wo^Tt~8W>D3?(Xg@Kl"
        b"swJS!Oi%68R4;YLyZ%8Z-86<TKDuWbLGhDjdD^vxCCE;g)eN&gG{OrSc~lEc>Dii83*U2ESU@vjyKSgf%NCE4T}anam<^JK007_si~w_8004nA"
        b"2d)p*FUfkAY$pNW?$b*_^siYKWwy%*+G?}%K$RQ?ox*v2ozIeqbI#!lf{zQ-N^bpEPg#lf4@u{IWz6XNw}!nOO??0_8*!e8bqX;6qd#Rch*4LG"
        b"kKgic5l?JL@%v1Z>sIQ&XO*mI4gdfE02c;;h5-qC00#>J00AK(0T>K`jQ{`"
    ),
    "bzip2": (
        b"H+sCUCma9-8-MeLG64Vp00000761SM00000iP2EHLRx4!F+o`-Q(30pjR*h$Vb_2F5I}_hfCK<P@86&>0LIWsM9o5a28d?V1d5tzp`ZW&DpF07"
        b"GH4AN87Qa30=?N)B5P=cR!an=46*wFFaqf?7ON{D@+v88bpVS{2Lb5AfKNnU4HLL4GCy_PZ_;Nw{bwZ4g(RN^2D3~gb_gmIv6vIkCr+|NVv)Eu"
        b"(oP6iFwLUy$qR=n3k*isn9Ii2wv*hnwi48mR9rXIUkwGT{9VZu;X*>2el#H90Du5%T>t=qGY75@)iDgz*Cf;avX^?!utVIol07wUGr8{lM*LE<"
        b"J?{UsG#xQ2f%bh^Y83ohNsxZY0>t&Z_!(qx)otnh_^K}gK>WpQZ5sZZg8MLqFAFMu_wz^{6^@nzddP$Z(Q{0fZI%E4000*TfWH9=a{vbm0RRCZ"
        b"ApsZ+fPnx2"
    ),
    "deflate": (
        b"H+sCUCma9-z30`C;{X5v000006aWAK00000|20Fq<&7~8!Y~X)cTVv)ma5m_0$jjt9BSdj$Z@H9d(s6lBR1Bj_w=%O3uI9qP%RdzH%Ns9EFXYR"
        b"`3J@aeUOLDtCA0hO=gBY*+=}Pa&fAu(79n}RogHb1sc^mChl=UEZx<FBC4>8>&h+BKB9;3Low&?$P3^Ad;n!#004nA2d)p)tHq5%751+y%QBxC"
        b"evannmMIfhsgk12;6{Vqn_oznbLZmOx<RzW!}0YDN;RX=ja8zLBYEkWNECCG#w-PS=W|sO-4z%yO9@}_o8Q(AVKc<w{ASZ7cQ6hh0000N26h1n"
        b"Z2$)g0RRCZApsZ+eE<L"
    ),
    "zstd": (
        b"H+sCUCma9-VvWUC_y7O^000006#xJL000007GV;4D77#B09d610I~-c7oaC?(5&tH%cWM9JZ;&=Jy%zAIjZ8s$BRtsL{gUS7+m+6h;F&R(>KL)"
        b"#S2>LU0WR4%uAjEg-nYD1m9tQ1|t2!m4|`NWdK~S-s~H%c!J{T)t5^&@5E>V1^}x$#BZnuXQNaIFy37-fTE!43E%*T0CQac0D&_Ht`F4)8o5Fh"
        b"_Oq=H@@5IsW%%V(9M1zZ@m{<C{R;{Co5im@8$8z6f1`S!aWr@?16}0f82h2ef}CzEAd}$^a$F{VW#`1sGCnk+RSH|o;sj}MOi38)?&spt%fgmx"
        b"HdIMf8K%i)i$*7^000007Y2O+33~ts3jqKDAt3=641kFM00"
    ),
    "copy": (
        b"H+sCUCma9-KT~{OaRLAU00000761SM00000c9&N?W@&PBbRcGFY-KDUZf|sGX>MmAX>K5CbRchLAZ~ATWeR3#a&vSbW@&6?EFf-gbZBXAXCP^A"
        b"AZc_UZ)PBFZ**k}W@&PBbRcGFY-KDUZf|sGX>MmAX>K5CbRchLAZ~ATWeRR@bZBXAXCP^AAaG%FbZKLCY+-UNAar+WV`U(3c4cxdAZ~ATXlZU|"
        b"AZczOaA9(EX=8P4VR9@Wba!cEWgu^MWpXYcZf|sGX>MmAX>K5JVRCe7V|8p{ax5TpcWGl~Aa8bMaxNflZ**vBZf78AZXj@Ba&&29b!=gBEFg4u"
        b"X=7y|Z+2yJE+B4ibZBXAXCP^AAaG%FbZKLCY+-UNAar+WV`U(3c4cxdAZ~ATXlZU|AZczOaA9(EX=8P4VR9@Wba!cEWgu^MWpXYcZf|sGX>MmA"
        b"X>K5JVRCe7V|8p{ax5TpcWGl~Aa8bMaxNflZ**vBZf78AZXj@Ba&&29b!=gBEFg4uX=7y|Z+2yJE+9v8VQyq?VJCASd1Y*DZ+9SKZ((#Gb75|4"
        b"AYx@`X>Md7bZBKDZ){{BZE0+5Aa8CURCQ%@WMO$OAYpD~AZ~ATXlZU|AZ>4QWiB9LZe$>CZ**vBZf78EZ*pZWAYpD~AZ~ATXlZU|AZ>4QWiB9L"
        b"Ze$>CZ**vBZf78EZ*pbe0Du5$T>t=qGY75@)jfD-$0bKs3@8J9vKpS7suBw3uLcO>o59WtWYQs*=ipYEI_|nBtoia11;qMZ4c{v8dyFC_itw@`"
        b"kUI~d#J|9Psgp&dsdaU_SXCm-Ofr?`)_FlTHwbB~u~w!sasU7T02c;<{{abd00#>J00AK(0T>K`fdBv"
    ),
    "ppmd": (
        b"H+sCUCma9-q(><%<p2Nx000006#xJL00000^O1x@0A>YPBo$_*F?vuYwBOherqvHU0P$IZRdyZum3Zvth^&i5I{&b9F`d?H8r$qO*v&Oyo=|E&"
        b"kf;?!VS^yxGob_-(-CJ=9fermn`@*B2Fe%xTC~95qfv0D;lUX(7iohkg~iaXnnEubf_fs{`S9QXgaB(@004nA2d)p)cqc7F751}<#VRcWqgOOY"
        b"a9sd|fGrZx7-2f4eD%v!);3Hg7ID=LG<Ia6su|+#X-DUZsP_z=oVi}aeZgbqEz6<_Jq~OYU(jXRjv@hkpB>h&Q}1EJm6z1Il5&!geTD!402c;w"
        b"0SR*e2MYlJ0U;p)7z}`g000"
    ),
    "aes": (
        b"H+sCUCma9-pJ=-NC;<Qf000007XSbN000009e`(gr;>mAmiY}rBd{*83Nv0bd+TYPn(U(kw4NI%+RYi@`sen1zz4hA+t#4JI!q8#q=^2&P?5{-"
        b"Z)2FCM^P}jdeXmkj9h~mN142_Ww?c7A?p;9uS{_ybrl9NqJMjzQ#ohjPndPtt(4g-e#8F*sRLI2+Gm~5y|)%IbrsQ#R?bwC6D!wxRJ_awgWb>K"
        b"-~glmkX--(finlL57jUNQZGvixUVq>bYBWgl(Nnb3|Oiz36}pUqX)*jTw@{|Zud4X^+~y#`VGz({D_Js2j^kIXsy%#p>dq#W3MNx<GG7({;!X#"
        b"-G^vb8{LwJ@EdZYuOCAf)G1S&<Q4Sm;7Z4D#LJKVg9&arozLYO3pOo^N>c#Ruez*6o;LXO%Wi5}000007Y2Zk0SSPZ00#>J00AK(0T>K`r2qf"
    ),
    "aes, names too": (
        b"H+sCUCma9-)c-_kKmh;%00000D*ylh00000eU|#4MT%d?22z_J8)#0n1?F)T(cxz4F9Zz7p^v7<>d86Uw0}&{=Q7ux#4Z*Zsl&)^3}z>V93=4f"
        b"v(cD9<$bAdt@WRH@Yy5+I1~Ij-o6sUjBcwy8%*ZhT-4Oydk_EzGUl$_AQD?~`<s1<ObEog(baDhwqr<<CAqEeub>3uhjnMfw~xfnW#}&&KC+J6"
        b"UzHps)+lI33ARn_-N72i8cj)Ybp2kJ=*Jpdq3O$wEbD^kg&PRe4VP5gdUuW!JGhjyF--i2)IPG-fct8xSA2&jZ3s%dhge1*Uv>eGfoeZ+DKWY)"
        b"1!T`Cqzv2f?M94RO@Y@^%(i7!w>%Cy^IWW&>Ky;x0a1yJh{-&*=Pz_ZIAFx+oID2~*H<qzCr<)3?eVt-u|&pyP_bS90kYCXr1<UT-z7S9KPtoD"
        b"7Y2Zk0SSPx00#>J00ATh@dp7CQxAB0#8Z8x6sP^jNP{AHO|A@pr2qf"
    ),
}
"""In base85."""
READ = ["lzma2 (default)", "lzma", "delta lzma2", "bcj lzma2", "bzip2", "deflate", "zstd"]


def archive(name: str) -> bytes:
    return base64.b85decode(ARCHIVES[name])


@pytest.mark.parametrize("name", READ)
def test_members_are_read(tmp_path: Path, name: str) -> None:
    body = archive(name)
    for path, data, way in (
        ("a.7z", body, "7z"),
        ("behind", b"lead" * 1000 + body + b"trailing bytes" * 999, "7z"),
        ("a.7z.gz", gzip.compress(b"lead" * 10_000 + body + b"trailing" * 99), "gzip@0 > 7z"),
    ):
        (tmp_path / path).write_bytes(data)
        assert way in ways(tmp_path / path, TRACES)
        assert not look(tmp_path / path, TRACES).coverage.skipped
    seen = look(tmp_path / "a.7z", text_traces("A sentence which nobody ever said about the old mill"))
    assert not seen.found
    assert not seen.coverage.skipped


def test_names_of_members_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.7z").write_bytes(archive("lzma2 (default)"))
    assert {way.partition(" > ")[0] for way in ways(tmp_path, text_traces("a/first.txt"))} == {"7z"}


def test_what_is_stored_lies_open(tmp_path: Path) -> None:
    (tmp_path / "a.7z").write_bytes(archive("copy"))
    seen = look(tmp_path, TRACES)
    assert seen.found
    assert not seen.coverage.skipped


@pytest.mark.parametrize(("name", "reason"), [("ppmd", "unsupported"), ("aes", "encrypted"), ("aes, names too", "encrypted")])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "a.7z").write_bytes(archive(name))
    assert dict(look(tmp_path, TRACES).coverage.skipped) == {reason: 1}


def test_damage_is_said_and_a_torn_archive_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    body = archive("lzma2 (default)")
    (tmp_path / "a.7z").write_bytes(body[:60] + random.Random(1).randbytes(60) + body[120:])
    assert dict(look(tmp_path, TRACES).coverage.skipped) == {"corrupt": 1}
    (tmp_path / "a.7z").write_bytes(body[:-40])
    seen = look(tmp_path, TRACES)
    assert seen.found
    assert dict(seen.coverage.skipped) == {"corrupt": 1}
    (tmp_path / "a.7z").write_bytes(body)
    assert dict(look(tmp_path, TRACES, Limits(decoded=100, ratio=0)).coverage.skipped) == {"limit": 1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.sampled_from(sorted(ARCHIVES)), st.integers(0, 2**32), st.integers(1, 12), st.booleans())
def test_a_damaged_archive_never_breaks_a_scan(name: str, seed: int, flips: int, checked: bool) -> None:
    rng = random.Random(seed)
    body = bytearray(archive(name))
    for _ in range(flips):
        body[rng.randrange(6, len(body))] = rng.randrange(256)
    start = 32 + int.from_bytes(body[12:20], "little")
    if checked:
        body[28:32] = zlib.crc32(body[start : start + int.from_bytes(body[20:28], "little")]).to_bytes(4, "little")
    skipped: list[str] = []
    try:
        for _, _, run in seven_zip.runs(MemorySlice(body), skipped.append, sure=True):
            assert sum(map(len, run)) < 1 << 26
    except TooLarge:
        pass
