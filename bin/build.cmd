@echo off
rem Builds what phial.cmd starts: the jars, and a cache of loaded classes that makes it start fast.
setlocal
call "%~dp0find-jdk.cmd" || exit /b 1
for %%H in ("%~dp0..") do set "home=%%~fH"
set "dist=%home%\cli\target\dist"

echo Building Phial; the first time this takes some minutes, most of them to fetch what the build needs.
if exist "%dist%" rmdir /s /q "%dist%"
call "%home%\mvnw.cmd" -q -f "%home%\pom.xml" -pl cli -am -DskipTests package || exit /b 1

set "scratch=%TEMP%\phial-%RANDOM%%RANDOM%"
mkdir "%scratch%" || exit /b 1
set "XDG_CACHE_HOME=%scratch%"
rem without either of the next two Phial works all the same, only slower to start
for %%J in ("%dist%\lib\picocli-*.jar") do "%JAVA_HOME%\bin\java.exe" "%~dp0RenewClasses.java" "%%J"
"%JAVA_HOME%\bin\java.exe" "@%~dp0phial.args" "@%~dp0jdk.args" "@%~dp0heap.args" "-XX:AOTCacheOutput=%dist%\phial.aot" -cp "%dist%\lib\*" ^
  dev.phial.cli.Rehearsal "%scratch%" >"%scratch%\log" 2>&1
if errorlevel 1 if exist "%dist%\phial.aot" del /q "%dist%\phial.aot"
rmdir /s /q "%scratch%"
type nul >"%dist%\built"
exit /b 0
